"""Summaries with their intervals and their provenance, as JSON."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from hauberk.errors import InputError
from hauberk.reports.families import run_names
from hauberk.reports.run_files import Run


def summaries(runs: Sequence[Run]) -> str:
    """Return what is known of each run and evaluation besides its records.

    Raises:
        InputError: a number is NaN or infinite, which JSON cannot say; the message names it.
    """
    found = []
    for name, run in zip(run_names(runs), runs, strict=True):
        content = described(name, run)
        for place, number in numbers(content):
            if not math.isfinite(number):
                raise InputError(f"{run.folder}: {place} is {number}, which JSON cannot say: evaluate again.")
        found.append(content)
    return json.dumps({"runs": found}, indent=1, allow_nan=False) + "\n"


def described(name: str, run: Run) -> dict[str, Any]:
    """Return what is known of a run and its evaluation as plain values; None for what is not known."""
    last = run.training.last if run.training else None
    return {
        "run": name,
        "evaluation": run.evaluation or None,
        "summary": asdict(run.summary),
        "training": {"epochs": last.epoch, "steps": last.step, "seconds": last.seconds} if last else None,
        "about": asdict(run.about),
        "recipe": run.judged_by,
        "training_recipe": run.recipe,
    }


def numbers(tree: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in a tree with the places where they are."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield from numbers(value, f"{place}.{key}" if place else str(key))
    if isinstance(tree, float):
        yield place, tree
