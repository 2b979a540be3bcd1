"""The keys of a run, whose evaluation may have used another recipe than its training did."""

from typing import Any

from hauberk.reports.recipe_keys import in_short

JUDGING = ("threat", "evaluator")
"""The sections of a recipe that say how a network is judged; all others say what was trained, and on which data."""

Keys = dict[str, Any]


def used_keys(trained: Keys, judged: Keys) -> Keys:
    """Return the keys that were really used: those of judging from the evaluation's recipe, all others from the run's.

    The threat that training defended against is named apart where the evaluation is about another.
    """
    used = {key: value for key, value in trained.items() if section(key) not in JUDGING}
    used |= {key: value for key, value in judged.items() if section(key) in JUDGING}
    defended, faced = ({key: keys[key] for key in keys if section(key) == "threat"} for keys in (trained, judged))
    if defended != faced and not any(section(key) == "training_threat" for key in trained):
        used |= {f"training_{key}": value for key, value in defended.items()}
    return used


def section(key: str) -> str:
    """Return the section of a recipe that a key is in."""
    return key.partition(".")[0]


def other_data(trained: Keys, judged: Keys) -> str:
    """Return the data that an evaluation names, in short; empty if they are the run's."""
    own, other = ({key: keys[key] for key in keys if section(key) == "data"} for keys in (trained, judged))
    return "" if own == other else in_short({key.removeprefix("data."): value for key, value in other.items()})
