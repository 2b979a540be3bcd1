"""Outer polytopes around the images of sets."""

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from hauberk.pixel_fractions import written
from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, panels, to_svg

WORDS = {"true": "image of the set", "convex": "outer polytope", "box": "interval box"}


def draw_output_polytope(study: StudyFile, name: str) -> Illustration:
    """Return the image of the first network's set within its polytope, one panel per radius, and the mean widths."""
    table = study.require("network", "eps", "part", "first", "second")
    radii = sorted(set(table["eps"]))
    widths = mean_widths(table)
    first = table.filter(pl.col("network") == 0)
    with panels(8.4, 3.3, 1, len(radii)) as (figure, panes):
        fits = [
            draw_panel(axes, first.filter(pl.col("eps") == eps), eps) for axes, eps in zip(panes, radii, strict=True)
        ]
        panes[0].set_ylabel("second logit")
        handles = [
            Patch(facecolor=COLOURS["series-1"], alpha=0.5, label=WORDS["true"]),
            Line2D([], [], color=COLOURS["certified"], label=WORDS["convex"]),
        ]
        if any(fits):
            handles.append(Line2D([], [], color=COLOURS["attacked"], linestyle=(0, (3, 2)), label=WORDS["box"]))
        figure.legend(handles=handles, loc="outside upper left", ncols=3, borderpad=0)
        largest = ", ".join(f"{WORDS[part]} {widths[radii[-1], part]:.3g}" for part in WORDS)
        svg = to_svg(
            figure, name,
            f"Images of the sets of {len(radii)} radii within outer polytopes; mean widths at the largest: {largest}.",
        )  # fmt: skip
    networks, side = table["network"].n_unique(), study.fact("side")
    drawn, averaged = "the trained network", ""
    if study.fact("redrawn") != "0":
        drawn = f"the first of {networks} networks with random weights"
        averaged = f" and all {networks} networks"
    caption = (
        f"The two logits of {drawn} on the set around the first test example, in float64. Image: a grid of {side} by "
        f"{side} members. Polytope: lower bounds in {study.fact('directions')} directions, by {study.fact('bounder')}. "
        f"Box: bounds of single logits, by {study.fact('box')}, drawn where it is at most twice as wide. The table has "
        f"widths along the axes, mean over both logits{averaged}."
    )
    rows = [[written(eps), *(f"{widths[eps, part]:.3g}" for part in WORDS)] for eps in radii]
    heading = ["eps", *(f"width of the {word}" for word in WORDS.values())]
    return Illustration(svg, caption, [heading, *rows], wide=True)


def mean_widths(table: pl.DataFrame) -> dict[tuple[float, str], float]:
    """Return the width of each part at each radius: the mean over networks and axes."""
    spans = [(pl.col(axis).max() - pl.col(axis).min()).alias(axis) for axis in ("first", "second")]
    single = table.group_by("network", "eps", "part").agg(spans)
    mean = single.group_by("eps", "part").agg((pl.col("first") + pl.col("second")).mean() / 2)
    return {(eps, part): width for eps, part, width in mean.iter_rows()}


def draw_panel(axes: Axes, table: pl.DataFrame, eps: float) -> bool:
    """Draw one radius; return whether the box is shown, which it is if at most twice as wide as the polytope."""
    image, convex, box = (
        table.filter(pl.col("part") == part).select("first", "second").to_numpy() for part in ("true", "convex", "box")
    )
    low, high = convex.min(0), convex.max(0)
    fits = bool((np.ptp(box, 0) <= 2 * (high - low)).all())
    if fits:
        low, high = np.minimum(low, box.min(0)), np.maximum(high, box.max(0))
    reach = (high - low) * 0.06 + 1e-12
    low, high = low - reach, high + reach
    covered = occupancy(image, low, high)
    centres = [np.linspace(low[axis], high[axis], size + 1) for axis, size in enumerate(covered.shape)]
    first, second = ((edges[1:] + edges[:-1]) / 2 for edges in centres)
    axes.contourf(first, second, covered.T.astype(float), levels=[0.5, 1.5], colors=[COLOURS["series-1"]], alpha=0.5)
    axes.fill(*convex.T, fill=False, edgecolor=COLOURS["certified"], linewidth=1.5)
    if fits:
        axes.fill(*box.T, fill=False, edgecolor=COLOURS["attacked"], linewidth=1.5, linestyle=(0, (3, 2)))
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), title=f"eps {written(eps)}", xlabel="first logit")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    axes.grid(False)
    return fits


def occupancy(
    image: Float[np.ndarray, "n 2"], low: Float[np.ndarray, "2"], high: Float[np.ndarray, "2"], bins: int = 160
) -> Bool[np.ndarray, "p q"]:
    """Return a mask of the cells of a rectangle that the image of a square grid reaches, with interpolated points."""
    side = round(len(image) ** 0.5)
    fine = image.reshape(side, side, 2)
    for _ in range(3):  # halve the steps three times, along both axes
        for axis in (0, 1):
            middle = (
                np.take(fine, range(fine.shape[axis] - 1), axis) + np.take(fine, range(1, fine.shape[axis]), axis)
            ) / 2
            fine = np.insert(fine, range(1, fine.shape[axis]), middle, axis)
    counts, *_ = np.histogram2d(*fine.reshape(-1, 2).T, bins=bins, range=list(zip(low, high, strict=True)))
    return counts > 0
