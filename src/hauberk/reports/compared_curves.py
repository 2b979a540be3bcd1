"""Accuracies of several runs against the radius."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from hauberk.reports.accuracies import Share
from hauberk.reports.radius_figures import LINES
from hauberk.reports.summary import Summary
from hauberk.reports.svg import COLOURS, PERCENT, end_of, panels, to_svg

Named = tuple[str, Summary]
"""A run's name and its summary."""
MEASURES = ("attacked", "certified")


def comparable(runs: Sequence[Named]) -> list[list[Named]]:
    """Return the runs with curves in groups of one kind of subject and threat, without those that are alone."""
    drawn = sorted((run for run in runs if measured(run[1])), key=lambda run: kind(run[1]))
    groups = [list(group) for _, group in groupby(drawn, lambda run: kind(run[1]))]
    return [group for group in groups if len(group) > 1]


def kind(summary: Summary) -> tuple[str, str]:
    """Return the subject and the first word of the threat: costs of transport may differ in one figure, norms not."""
    return summary.subject, summary.threat.split(" ")[0].rstrip(",")


def measured(summary: Summary) -> list[str]:
    """Return the accuracies that a run's curve has at any radius."""
    return [measure for measure in MEASURES if any(getattr(point, measure) is not None for point in summary.curve)]


def draw_compared_curves(runs: Sequence[Named], name: str) -> Markup:
    """Return attacked and certified accuracy against the radius, each in a panel with a line for every run.

    Those that no run measured are left out. Bands are the intervals.
    """
    found = [measure for measure in MEASURES if any(measure in measured(summary) for _, summary in runs)]
    said = []
    with panels(8.4, 3.6, 1, len(found)) as (figure, panes):
        for axes, measure in zip(panes, found, strict=True):
            for number, (run, summary) in enumerate(runs):
                colour, style = LINES[number % len(LINES)]
                look = {"color": COLOURS[colour], "linestyle": style, "label": end_of(run)}
                last = draw_line(axes, list(points(summary, measure)), **look)
                said += [f"{run} {measure} {last}"] if last else []
            radii = [point.eps for _, summary in runs for point in summary.curve]
            axes.set(
                xlabel="radius eps", ylabel=f"{measure} accuracy", xlim=(0, max(radii) * 1.02 or 1), ylim=(0, 1.02)
            )
            axes.xaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_major_formatter(PERCENT)
        labelled = {
            label: line for axes in panes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(labelled.values(), labelled.keys(), loc="outside upper left", ncols=4, borderpad=0)
        return to_svg(figure, name, f"Accuracies against the radius: {'; '.join(said)}.")


def points(summary: Summary, measure: str) -> Iterator[tuple[float, Share]]:
    """Yield the radii of a curve with their accuracies; without a radius, what is attacked is the clean input."""
    known = [(point.eps, share) for point in summary.curve if (share := getattr(point, measure)) is not None]
    if measure == "attacked" and known and known[0][0] > 0:
        yield 0.0, summary.curve[0].clean
    yield from known


def draw_line(axes: Axes, known: Sequence[tuple[float, Share]], **look: Any) -> str:
    """Draw an accuracy with its intervals, and return its last value in words; nothing where nothing is known."""
    if not known:
        return ""
    radii, shares = zip(*known, strict=True)
    low, high, middle = (np.array([getattr(share, end) for share in shares]) for end in ("low", "high", "share"))
    axes.fill_between(radii, low, high, color=look["color"], alpha=0.14, linewidth=0)
    axes.plot(radii, middle, marker="o", markersize=3, **look)
    return f"{shares[-1].share:.1%} at {radii[-1]:g}"
