"""Certified radii, sorted."""

import numpy as np
import polars as pl
from matplotlib.ticker import MaxNLocator

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, drawing, to_svg


def draw_certified_radii(study: StudyFile, name: str) -> Illustration:
    """Return the radii from the largest to the smallest, with wrong predictions marked."""
    table = study.require("label", "prediction", "radius").sort("radius", descending=True)
    wrong = table.with_row_index("rank", offset=1).filter(pl.col("label") != pl.col("prediction"))
    radii = table["radius"].to_numpy()
    with drawing(4.8, 2.8) as (figure, axes):
        edges, heights = np.arange(len(radii) + 1) + 0.5, np.append(radii, radii[-1])
        axes.fill_between(edges, heights, step="post", color=COLOURS["certified"], alpha=0.75, linewidth=0)
        axes.step(edges, heights, where="post", color=COLOURS["certified"])
        if len(wrong):
            axes.plot(
                wrong["rank"], wrong["radius"], linestyle="none", marker="x", color=COLOURS["wrong"], clip_on=False,
                label="wrong prediction", zorder=4,
            )  # fmt: skip
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.4, borderpad=0)
        axes.set(xlim=(0.5, len(table) + 0.5), ylim=(0, max(radii.max() * 1.06, 1e-9)))
        axes.set(xlabel="test examples, sorted", ylabel="certified radius")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        median = float(np.median(radii))
        svg = to_svg(figure, name, f"Certified radii of {len(table)} examples, sorted; the median is {median:.3g}.")
    none = int((radii == 0).sum())
    caption = (
        f"For each of the first {len(table)} test examples, the largest radius found, up to {study.fact('cap')}, "
        f"within which {study.fact('bounder')} proves that the prediction, right or wrong, cannot change. The median "
        f"is {median:.3g}; {none} {'example has' if none == 1 else 'examples have'} none."
    )
    return Illustration(svg, caption)
