"""Figures of certified accuracy by radius."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from markupsafe import Markup
from matplotlib.axes import Axes

from hauberk.pixel_fractions import written
from hauberk.reports.radius_curves import RadiusCurve
from hauberk.reports.svg import COLOURS, PERCENT, drawing, end_of, legend, mark_radius, to_svg

LINES = [(f"series-{number}", style) for style in ("-", (0, (5, 2)), (0, (1, 1.5))) for number in range(1, 5)]


def draw_radius_curve(curve: RadiusCurve, name: str) -> Markup:
    """Return the share certified at each radius, what is left of it for sure, and the share with no nearer error."""
    summary, right = curve.summary, curve.largest * 1.04
    with drawing(8.4, 3.3) as (figure, axes):
        if curve.attacked is not None:
            draw_steps(axes, curve.attacked, right, 0, color=COLOURS["attacked"], label="attacked")
        draw_steps(axes, curve.certified, right, 0, color=COLOURS["certified"], label="certified")
        if summary.statement is not None:
            sure = f"at least, with confidence {summary.statement.sure}"
            look = {"color": COLOURS["certified"], "linewidth": 1.1, "alpha": 0.45, "label": sure}
            draw_steps(axes, curve.certified, right, curve.allowed, **look)
        mark_radius(axes, summary.eps)
        label_axes(axes, curve, right)
        said = f"{curve.share(0):.1%} of {summary.examples} {curve.things} at some radius"
        said = (
            f"{said}, {curve.share(summary.eps):.1%} at {written(summary.eps)}, none beyond {curve.certified.max():.3g}"
        )
        return to_svg(figure, name, f"Certified accuracy by {summary.norm} radius: {said}.")


def draw_compared_radii(curves: Sequence[RadiusCurve], name: str) -> Markup:
    """Return the certified shares of several runs, of one kind of subject in one norm, on one scale."""
    right = max(curve.largest for curve in curves) * 1.04
    with drawing(8.4, 3.6) as (figure, axes):
        for number, curve in enumerate(curves):
            colour, style = LINES[number % len(LINES)]
            look = {"color": COLOURS[colour], "linestyle": style, "label": end_of(curve.name)}
            draw_steps(axes, curve.certified, right, 0, **look)
        radii = {curve.summary.eps for curve in curves}
        if len(radii) == 1:
            mark_radius(axes, *radii)
        label_axes(axes, curves[0], right)
        said = "; ".join(f"{one.name} {one.share(0):.1%}, none beyond {one.certified.max():.3g}" for one in curves)
        return to_svg(figure, name, f"Certified accuracy by {curves[0].summary.norm} radius: {said}.")


def draw_steps(axes: Axes, radii: Float64[np.ndarray, "n"], right: float, fewer: int, **look: object) -> None:
    """Draw the share of examples whose radius is larger, less a number of them, as steps down to `right`."""
    steps = np.sort(radii[radii > 0])
    counts = np.maximum(np.arange(len(steps), -1, -1) - fewer, 0) / len(radii)
    shown = np.append(0, np.minimum(steps, 2 * right))
    axes.step(np.append(shown, max(right, shown[-1])), np.append(counts, counts[-1]), where="post", **look)  # pyright: ignore


def label_axes(axes: Axes, curve: RadiusCurve, right: float) -> None:
    """Label the axes of radii and shares."""
    axes.set(xlabel=f"{curve.summary.norm} radius, in units of the input", ylabel=f"share of the {curve.things}")
    axes.set(xlim=(0, right), ylim=(0, 1.02))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter(PERCENT)
    legend(axes)
