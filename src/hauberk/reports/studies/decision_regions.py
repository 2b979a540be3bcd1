"""Decision regions in the plane, with the examples' sets."""

import numpy as np
import polars as pl
from matplotlib.lines import Line2D

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, drawing, to_svg

LABELS = ["series-1", "series-2", "series-3", "series-4"]
MARKERS = "o^sD"


def draw_decision_regions(study: StudyFile, name: str) -> Illustration:
    """Return the regions as tints, the examples as marks by label, and the outlines of their sets by verdict."""
    table = study.require("part", "example", "first", "second", "label", "prediction", "certified")
    points = table.filter(pl.col("part") == "point")
    with drawing(4.8, 5.0) as (figure, axes):
        regions(axes, table.filter(pl.col("part") == "grid"))
        for point in points.iter_rows(named=True):
            outline = table.filter((pl.col("part") == "outline") & (pl.col("example") == point["example"]))
            corners = outline.select("first", "second").to_numpy()
            colour, line = ("certified", "-") if point["certified"] else ("wrong", (0, (3, 2)))
            axes.fill(*corners.T, fill=False, edgecolor=COLOURS[colour], linestyle=line, linewidth=1.5, zorder=3)
        marks = {"markersize": 6, "linestyle": "none", "markeredgewidth": 0.7, "zorder": 4}
        handles = []
        for label in sorted(set(points["label"])):
            own = points.filter(pl.col("label") == label)
            style = {**marks, "marker": MARKERS[label % 4], "color": COLOURS[LABELS[label % 4]]}
            axes.plot(own["first"], own["second"], markeredgecolor=COLOURS["ink"], **style)
            handles.append(Line2D([], [], markeredgecolor=COLOURS["ink"], label=f"label {label}", **style))
        handles += [
            Line2D([], [], color=COLOURS["certified"], label="proven"),
            Line2D([], [], color=COLOURS["wrong"], linestyle=(0, (3, 2)), label="not proven"),
        ]
        axes.set(aspect="equal", xlabel="first input", ylabel="second input")
        axes.grid(False)
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.4, borderpad=0,
            ncols=len(handles), columnspacing=1.2, handletextpad=0.5,
        )  # fmt: skip
        right, proven = int((points["label"] == points["prediction"]).sum()), int(points["certified"].sum())
        svg = to_svg(
            figure, name,
            f"Decision regions with {len(points)} examples, of which {right} lie in the region of their label and "
            f"{proven} are proven to keep it on their whole set.",
        )  # fmt: skip
    side = study.fact("side")
    caption = (
        f"Tints: the network's answer on a grid of {side} by {side} points. Marks: the first {len(points)} examples of "
        f"the test split by label, {right} of them answered rightly. Outlines: their sets, {study.fact('threat')}; for "
        f"{proven} of {len(points)} {study.fact('verifier')} proves that the whole set gets the right answer."
    )
    return Illustration(svg, caption)


def regions(axes, grid: pl.DataFrame) -> None:
    """Fill each answer's region with its tint."""
    first, second = (np.unique(grid[name].to_numpy()) for name in ("first", "second"))
    answers = grid.sort("second", "first")["prediction"].to_numpy().reshape(len(second), len(first))
    for answer in np.unique(answers[answers >= 0]):
        colour = COLOURS[LABELS[answer % 4]]
        axes.contourf(first, second, (answers == answer).astype(float), levels=[0.5, 1.5], colors=[colour], alpha=0.24)
