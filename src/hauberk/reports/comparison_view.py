"""Content of the page about several runs together."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from hauberk.reports.compared_curves import comparable, draw_compared_curves
from hauberk.reports.comparison import Seeds, Spread, contrasts, mismatches, over_seeds
from hauberk.reports.families import first_evaluations, other_weights
from hauberk.reports.learning_curves import draw_compared_trainings
from hauberk.reports.paired_differences import differences
from hauberk.reports.radius_curves import RadiusCurve
from hauberk.reports.radius_figures import draw_compared_radii
from hauberk.reports.run_files import Run
from hauberk.reports.sweep import draw_sweep, find_sweep
from hauberk.reports.tables import percent
from hauberk.reports.unforeseen import compared

View = dict[str, Any]
"""The content of the page about one run."""


def compare(views: list[View]) -> dict[str, Any]:
    """Return what the template shows about several runs besides studies."""
    runs, by_folder = [view["run"] for view in views], {view["run"].folder: view for view in views}
    named = [(view["name"], view["summary"]) for view in views]
    others = other_weights(runs)
    sweep = find_sweep(runs, others)
    curves = sorted((view["radii"] for view in views if view["radii"]), key=alike)
    kinds = [list(group) for _, group in groupby(curves, alike)]
    firsts = first_evaluations(runs)
    trainings = [(by_folder[run.folder]["name"], run.training, run.keeps_best) for run in firsts if run.training]
    same: dict[str, list[str]] = {}
    for pair in others:
        if pair.same:
            same.setdefault(pair.name, []).append(by_folder[pair.kept.folder]["name"])
    different = sorted((pair for pair in others if pair.alike and not pair.same), key=lambda pair: pair.subject)
    pairs = [(pair, by_folder[pair.kept.folder]["name"], *differences(pair.kept, pair.other)) for pair in different]
    return {
        "subjects": tables(views),
        "mismatches": mismatches(runs),
        "contrasts": by_reference(runs),
        "name_of": {view["run"].folder: view["name"] for view in views},
        "pairs": [(subject, list(group)) for subject, group in groupby(pairs, lambda found: found[0].subject)],
        "same": same,
        "origins": {pair.other.folder: (pair.name, by_folder[pair.kept.folder]) for pair in others},
        "sweep": sweep,
        "swept": draw_sweep(sweep, "sweep") if sweep else None,
        "compared": draw_compared_trainings(trainings, "compared") if len(trainings) > 1 else None,
        "accuracies": [
            ([summary for _, summary in group], draw_compared_curves(group, f"accuracies-{place}-drawing"))
            for place, group in enumerate(comparable(named), start=1)
        ],
        "unforeseen": compared(named),
        "radii": [
            (group, draw_compared_radii(group, f"radii-{place}-drawing"))
            for place, group in enumerate((group for group in kinds if len(group) > 1), start=1)
        ],
    }


def tables(views: Sequence[View]) -> list[tuple[str, list[View], list[Seeds]]]:
    """Return the runs by subject, which are never mixed in one table, with the groups that differ in the seed alone."""
    ordered = sorted(views, key=lambda view: view["summary"].subject)
    groups = [(subject, list(group)) for subject, group in groupby(ordered, lambda view: view["summary"].subject)]
    return [(subject, group, over_seeds([view["run"] for view in group])) for subject, group in groups]


def by_reference(runs: Sequence[Run]) -> list[list[Any]]:
    """Return the contrasts in groups of one reference, in the order of the runs."""
    groups: dict[Any, list[Any]] = {}
    for contrast in contrasts(runs):
        groups.setdefault(contrast.reference.folder, []).append(contrast)
    return list(groups.values())


def mean_of(spread: Spread | None) -> str:
    """Return a mean with its deviation as text."""
    return "–" if spread is None else f"{percent(spread.mean)} ± {100 * spread.deviation:.2f}"


def alike(curve: RadiusCurve) -> tuple[str, str]:
    """Return what runs share whose certified radii are drawn in one figure."""
    return curve.summary.subject, curve.summary.norm
