"""Black-box attacks that beat gradient-based ones."""

from collections.abc import Mapping

import polars as pl

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.evaluation.masking.sign import Sign, notable
from hauberk.evaluation.records import broken_column


def black_box_wins(records: pl.DataFrame, attacks: Mapping[str, Attack | MinimumDistanceAttack]) -> list[Sign]:
    """Compare attacks on examples that all were tried on: gradient-based ones should not lose to black boxes."""
    white = [name for name, attack in attacks.items() if not attack.black_box]
    white = [name for name in white if records[broken_column(name)].is_not_null().any()]  # others did not apply
    if not white:
        return []
    withstood = records.filter(*(pl.col(broken_column(name)).is_not_null() for name in white))
    found = []
    for name, attack in attacks.items():
        if not attack.black_box:
            continue
        tried = withstood.filter(pl.col(broken_column(name)).is_not_null())
        missed = tried.filter(pl.col(broken_column(name)), *(~pl.col(broken_column(other)) for other in white))
        if notable(len(missed), len(tried)):
            found.append(
                Sign(
                    "a black box beats gradients",
                    f"{name}, which asks for no gradient, breaks {len(missed)} of {len(tried)} examples that all of "
                    f"{', '.join(white)} left.",
                    "Gradients mislead here: give the attacks more steps, other losses, or a smooth stand-in.",
                )
            )
    return found
