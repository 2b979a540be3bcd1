"""Histograms of the neurons that a proof has to relax."""

import numpy as np
import polars as pl
from matplotlib.ticker import MaxNLocator

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, PERCENT, end_of, panels, to_svg

STATES = ("unstable", "active", "inactive")
BINS = 50


def draw_neuron_stability(study: StudyFile, name: str) -> Illustration:
    """Return histograms over examples of the share of a layer's neurons in each state, one row per layer."""
    table = study.require("layer", "name", "index", *STATES)
    layers = table.partition_by("layer", maintain_order=True)
    with panels(8.4, 0.7 + 0.95 * len(layers), len(layers), 3) as (figure, panes):
        for row, layer in enumerate(layers):
            neurons = layer[0].select(pl.sum_horizontal(STATES)).item()
            for column, state in enumerate(STATES):
                axes = panes[3 * row + column]
                counts, edges = np.histogram(layer[state] / neurons, min(BINS, neurons), (0, 1))
                axes.bar(
                    edges[:-1],
                    counts,
                    np.diff(edges),
                    align="edge",
                    color=COLOURS[state],
                    edgecolor=COLOURS["ink"],
                    linewidth=0.3,
                )
                axes.set(xlim=(0, 1), ylim=(0, max(counts) * 1.08))
                axes.yaxis.set_major_locator(MaxNLocator(2, integer=True))
                axes.xaxis.set_major_formatter(PERCENT)
                axes.tick_params(labelbottom=row == len(layers) - 1)
                if row == 0:
                    axes.set_title(state)
            panes[3 * row].set_ylabel(f"{end_of(layer['name'][0], 16)}\n{neurons:,} neurons")
        means = table.select(pl.col(STATES).sum()).row(0)
        examples = layers[0].height
        svg = to_svg(
            figure, name,
            f"Histograms over {examples} examples of the unstable, active and inactive neurons of {len(layers)} "
            f"layers; overall {means[0] / sum(means):.1%} are unstable.",
        )  # fmt: skip
    caption = (
        f"For each layer before an activation, how many of the first {examples} test examples (upwards) have how large "
        f"a share of its neurons (to the right) unstable, always active or always inactive over the set, "
        f"{study.fact('threat')}, by {study.fact('bounder')}."
    )
    return Illustration(svg, caption, wide=True)
