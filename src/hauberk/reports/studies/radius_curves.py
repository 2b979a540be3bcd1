"""Curves of the share of examples that remains at each radius, one for each of several columns of radii."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, PERCENT, drawing, legend, to_svg

Radii = NDArray[np.float64]
SERIES = [f"series-{number}" for number in range(1, 5)]


def draw_curves(curves: Mapping[str, Radii], name: str, axis: str, label: str, words: str) -> Illustration:
    """Return a figure with a falling step curve for each column, and a table of medians, means and largest values.

    Args:
        curves: the radii of the examples, by what they are called in the legend.
        name: a prefix for the ids of the figure, unique on the page.
        axis: the label of the radii's axis.
        label: the label of the other axis.
        words: the caption, and what a screen reader says.
    """
    end = max(1e-9, *(float(radii.max(initial=0)) for radii in curves.values()))
    with drawing(4.8, 2.8) as (figure, axes):
        for (title, radii), colour in zip(curves.items(), SERIES * len(curves), strict=False):
            steps = np.concatenate([[0.0], np.sort(radii), [end * 1.02]])
            shares = np.concatenate([[1.0], 1 - np.arange(1, len(radii) + 1) / len(radii), [0.0]])
            axes.step(steps, shares, where="post", color=COLOURS[colour], label=title)
        axes.set(xlim=(0, end * 1.02), ylim=(0, 1.02), xlabel=axis, ylabel=label)
        axes.yaxis.set_major_formatter(PERCENT)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        legend(axes, 2)
        svg = to_svg(figure, name, words)
    rows = [
        [title, f"{np.median(radii):.4g}", f"{radii.mean():.4g}", f"{radii.max():.4g}"]
        for title, radii in curves.items()
    ]
    return Illustration(svg, words, [["", "median", "mean", "largest"], *rows])


def draw_adversarial_distances(study: StudyFile, name: str) -> Illustration:
    """Return, for each attack, the share of examples that it did not mislead within each distance."""
    table = study.require("attack", "distance", "misled")
    attacks = table["attack"].unique(maintain_order=True).to_list()
    groups = {attack: table.filter(attack=attack) for attack in attacks}
    curves = {attack: rows["distance"].to_numpy() for attack, rows in groups.items()}
    never = ", ".join(f"{attack} {int((~rows['misled']).sum())}" for attack, rows in groups.items())
    words = (
        f"The share of the first {len(table) // len(attacks)} test examples that each attack leaves within a distance. "
        f"Examples that were wrong from the start count as 0; those not misled within {study.fact('reach')} count as "
        f"its radius: {never}. The subject is the {study.fact('subject')}."
    )
    drawn = draw_curves(curves, name, f"{study.fact('norm')} distance", "not misled", words)
    (first, *heading), *body = drawn.table
    misled = [f"{int(rows['misled'].sum()):,} of {len(rows):,}" for rows in groups.values()]
    rows = [[title, count, *cells] for (title, *cells), count in zip(body, misled, strict=True)]
    return replace(drawn, table=[[first, "misled", *heading], *rows])


def draw_smoothed_radii(study: StudyFile, name: str) -> Illustration:
    """Return certified accuracy by radius, for labels and for sets of classes."""
    table = study.require("top", "radius", "samples")
    sizes = sorted(table["top"].unique().to_list())
    curves = {("label" if k == 1 else f"set of {k}"): table.filter(top=k)["radius"].to_numpy() for k in sizes}
    words = (
        f"The share of the first {len(table) // len(sizes)} test examples for which, under {study.fact('noise')}, the "
        "vote provably stays within a set of classes that holds the label, with a confidence of "
        f"{study.fact('confidence')} for each. Of a set of several classes this says that most votes fall on it, not "
        f"that the class with most votes belongs to it. On average {table['samples'].mean():,.0f} votes were drawn."
    )
    return draw_curves(curves, name, f"{study.fact('norm')} radius", "certified", words)


def draw_l_bound(study: StudyFile, name: str) -> Illustration:
    """Return the guarantee of the average over noise, beside the estimate of the network itself."""
    table = study.require("guarantee", "estimate")
    top = study.fact("top")
    leading = "leading class holds" if top == "1" else f"{top} leading classes hold"
    curves = {
        "average: guarantee": table["guarantee"].to_numpy(),
        "network: estimate": table["estimate"].to_numpy(),
    }
    words = (
        f"The share of the first {len(table)} test examples whose {leading} the label and cannot change within a "
        f"radius. The guarantee is about the network's average over {study.fact('noise')}, from "
        f"{study.fact('samples')} samples, with a confidence of {study.fact('confidence')} for each example. The "
        "estimate takes the network itself for such an average, which nothing shows: it proves nothing."
    )
    return draw_curves(curves, name, f"{study.fact('norm')} radius", "unchanged", words)
