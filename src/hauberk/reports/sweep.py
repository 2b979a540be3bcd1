"""Runs that differ in one number of their recipes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from hauberk.reports.families import OtherWeights
from hauberk.reports.recipe_keys import as_number, aside
from hauberk.reports.run_files import Run
from hauberk.reports.svg import COLOURS, PERCENT, drawing, legend, to_svg

SPREAD = 10
"""The least ratio of the largest value to the smallest for which the axis is logarithmic."""
MOST_TICKS = 12
"""The largest number of values for which all of them are written under the axis."""
APART = 5
"""The distance in points between runs at the same value."""
DASHES = ["-", (0, (4, 2)), (0, (1, 1.5))]
"""The lines for kept weights, and for others of the same training runs."""
MEASURES = {"clean": "s", "attacked": "^", "certified": "o"}


@dataclass(frozen=True)
class Point:
    """A run at its value of the key.

    Args:
        value: the key's value.
        run: the run.
        weights: the name of its weights, if they are not those that training kept.
    """

    value: float
    run: Run
    weights: str = ""


@dataclass(frozen=True)
class Sweep:
    """Runs whose recipes differ in one number, and in seeds.

    Args:
        key: the number's key.
        points: the runs.
    """

    key: str
    points: list[Point]

    @property
    def measures(self) -> list[str]:
        """The accuracies that were measured in any run."""
        looked = {measure for point in self.points for measure in point.run.summary.measures}
        return [measure for measure in MEASURES if measure in looked]

    @property
    def weights(self) -> list[str]:
        """The kinds of weights, kept ones first."""
        return sorted({point.weights for point in self.points})

    @property
    def values(self) -> list[float]:
        """The values of the key, in increasing order."""
        return sorted({point.value for point in self.points})


def find_sweep(runs: Sequence[Run], others: Sequence[OtherWeights]) -> Sweep | None:
    """Return the sweep that runs form; None if recipes differ in no key, in several, or in one without numbers."""
    trees = [{key: as_number(value) for key, value in run.keys.items() if not aside(key)} for run in runs]
    every = {key for tree in trees for key in tree}
    different = [key for key in every if any(tree.get(key) != trees[0].get(key) for tree in trees)]
    if len(different) != 1 or len({run.summary.subject for run in runs}) > 1:
        return None
    names = {pair.other.folder: pair.name for pair in others}
    values = [(run, tree.get(different[0])) for run, tree in zip(runs, trees, strict=True)]
    points = [Point(value, run, names.get(run.folder, "")) for run, value in values if isinstance(value, float)]
    return Sweep(different[0], points) if len(points) == len(runs) else None


def draw_sweep(sweep: Sweep, name: str) -> Markup:
    """Return the accuracies against the key: runs as points with their intervals, lines through the means of seeds."""
    values = sweep.values
    with drawing(8.4, 3.6) as (figure, axes):
        for measure in sweep.measures:
            for weights, dashes in zip(sweep.weights, DASHES, strict=False):
                draw_series(axes, sweep, measure, weights, dashes)
        if values[0] > 0 and values[-1] >= SPREAD * values[0]:
            axes.set_xscale("log")
        if len(values) <= MOST_TICKS:
            axes.set_xticks(values, [f"{value:g}" for value in values])
            axes.minorticks_off()
        shown = [point.run.summary.share(measure) for point in sweep.points for measure in sweep.measures]
        least = min(share.low for share in shown if share)
        bottom = np.floor(least * 10) / 10
        axes.set(xlabel=sweep.key, ylim=(bottom, 1 + (1 - bottom) * 0.02))
        axes.yaxis.set_major_formatter(PERCENT)
        legend(axes, len(sweep.measures))
        said = f"The accuracies ({', '.join(sweep.measures)}) of {len(sweep.points)} runs against {sweep.key}"
        return to_svg(figure, name, f"{said}, from {values[0]:g} to {values[-1]:g}.")


def draw_series(axes: Axes, sweep: Sweep, measure: str, weights: str, dashes: Any) -> None:
    """Draw one accuracy of the runs with one kind of weights, those at the same value side by side."""
    colour, marker = COLOURS[measure], MEASURES[measure]
    look: dict[str, Any] = {"color": colour, "marker": marker, "markerfacecolor": "none" if weights else colour}
    means = []
    for value in sweep.values:
        column = sorted((p for p in sweep.points if p.value == value), key=lambda p: (p.weights, p.run.about.seed))
        shares = [(place, p.run.summary.share(measure)) for place, p in enumerate(column) if p.weights == weights]
        own = [(place, share) for place, share in shares if share]
        for place, share in own:
            shift = ScaledTranslation((place - (len(column) - 1) / 2) * APART / 72, 0, axes.figure.dpi_scale_trans)
            around = [[share.share - share.low], [share.high - share.share]]
            axes.errorbar([value], [share.share], around, elinewidth=0.9, transform=axes.transData + shift, **look)
        if own:
            means.append((value, sum(share.share for _, share in own) / len(own)))
    if not means:
        return
    axes.plot(*zip(*means, strict=True), color=colour, linewidth=1.3, linestyle=dashes)
    axes.plot([], [], linestyle=dashes, label=f"{measure}, {weights} weights" if weights else measure, **look)
