"""Results of each attack, from the records."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.evaluation.records import broken_column, distance_column
from hauberk.evaluation.statistics import share


def attack_results(
    records: pl.DataFrame,
    attacks: Mapping[str, Attack | MinimumDistanceAttack],
    seconds: Mapping[str, float],
    refusals: Mapping[str, str],
    remarks: Mapping[str, list[str]],
) -> list[dict[str, Any]]:
    """Return one row per attack, as summaries store it.

    "broken" counts the examples that it was the first to break, "succeeded" the "tried" ones that it broke. "alone" is
    the accuracy that it leaves by itself, known only if it was tried on every correctly classified example. Distances
    are those of the misclassified points that it found, members of the set or not: mean and median are taken over the
    "found" correctly classified examples that have such a point, and "never" counts the tried ones that have none. They
    are comparable only between attacks that were tried on the same examples. "remarks" name the parts of a combination
    that were left out or replaced.
    """
    correct = int((records["prediction"] == records["label"]).sum())
    rows = []
    for name, attack in attacks.items():
        broken, distance = records[broken_column(name)], records[distance_column(name)]
        tried, succeeded = len(broken) - broken.null_count(), int(broken.sum() or 0)
        known, hit = distance.drop_nulls(), broken.fill_null(False) | distance.is_not_null()
        whole = tried == correct and name not in refusals
        rows.append(
            {
                "name": name,
                "black_box": attack.black_box,
                "minimum_distance": isinstance(attack, MinimumDistanceAttack),
                "broken": int((records["broken_by"] == name).sum()),
                "tried": tried,
                "succeeded": succeeded,
                "alone": share(correct - succeeded, len(records)) if whole else None,
                "found": len(known),
                "never": tried - int(hit.sum()),
                "median_distance": known.median(),
                "mean_distance": known.mean(),
                "seconds": seconds.get(name, 0.0),
                "not_applicable": refusals.get(name),
                "remarks": remarks.get(name, []),
            }
        )
    return rows
