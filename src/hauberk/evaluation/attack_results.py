"""What each attack did, from the records."""

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
) -> list[dict[str, Any]]:
    """Return a row for each attack, as summaries write it.

    "broken" counts the examples that it was the first to break, "succeeded" those of the "tried" ones that it broke.
    "alone" is the accuracy that it leaves by itself, known only where it was tried on every correctly classified
    example. Distances are those of the misclassified points that it found, members of the set or not: their mean and
    median are over the "found" correctly classified examples on which there is such a point, and "never" counts the
    tried ones on which there is none; they are comparable only between attacks that were tried on the same examples.
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
            }
        )
    return rows
