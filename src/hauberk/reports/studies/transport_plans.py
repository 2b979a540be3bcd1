"""Attacked images beside the flows of mass that make them."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float
from matplotlib.axes import Axes

from hauberk.reports.examples import as_colours
from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import panels, to_svg
from hauberk.reports.tables import percent

Image = Float[np.ndarray, "c h w"]
COLUMNS = ("example", "part", "channel", "row", "column", "clean", "attacked", "to_row", "to_column", "share")
ALSO = ("label", "answer", "radius", "cost", "moved", "left_out", "gap")
CHANNELS = ("#ff6b5e", "#4fd06a", "#6ba4ff")
"""Red, green and blue that show on dark images, which are as dark on a light page as on a dark one."""
ONLY = "#ffa63d"
"""The colour of arrows where channels have none."""
DIMMED = 0.32
"""The brightness of images behind arrows."""
FAINTEST = 0.2
"""The least opacity of an arrow."""
BESIDE = 0.2
"""The distance in pixels at which arrows of colour channels pass the centres of pixels, each on a side of its own."""
DRAWN = 0.95
"""The share of what moves that arrows carry, the largest flows first."""


def draw_transport_plans(study: StudyFile, name: str) -> Illustration:
    """Return a row for each example: clean, attacked, and arrows from where mass leaves to where it arrives."""
    table = study.require(*COLUMNS, *ALSO)
    unit = f" {study.fact('unit')}".rstrip()
    examples = list(table.filter(part="example").iter_rows(named=True))
    with panels(8.4, 0.3 + 3.0 * len(examples), len(examples), 3) as (figure, panes):
        for number, example in enumerate(examples):
            left, middle, right = panes[3 * number : 3 * number + 3]
            own = table.filter(example=example["example"])
            clean, attacked = images(own.filter(part="pixel"))
            white = max(1.0, float(clean.max()))
            show(left, clean / white)
            show(middle, attacked / white)
            show(right, clean.mean(0, keepdims=True) / white * DIMMED)
            draw_flows(right, own.filter(part="flow"), len(clean))
            if number == 0:
                middle.set_title("attacked")
                right.set_title("flows of mass")
            left.set_title(f"{said(example)}, radius {example['radius']:.3g}{unit}, cost used {example['cost']:.3g}")
        words = "; ".join(f"{said(example)} at a cost of {example['cost']:.3g}" for example in examples)
        svg = to_svg(figure, name, f"Clean images, attacked ones, and the flows of mass between them: {words}.")
    return Illustration(svg, caption(study, examples), wide=True)


def images(pixels: pl.DataFrame) -> tuple[Image, Image]:
    """Return the clean and the attacked image."""
    pixels = pixels.sort("channel", "row", "column")
    shape = [int(pixels[axis].to_numpy().max()) + 1 for axis in ("channel", "row", "column")]
    clean, attacked = (pixels[kind].to_numpy().reshape(shape) for kind in ("clean", "attacked"))
    return clean, attacked


def show(axes: Axes, image: Image) -> None:
    """Draw an image's pixels."""
    axes.imshow(as_colours(image[None])[0], interpolation="none")
    axes.set_axis_off()


def draw_flows(axes: Axes, flows: pl.DataFrame, channels: int) -> None:
    """Draw arrows, in units of pixels, more opaque the more mass they carry; the largest on top."""
    flows = flows.sort("share")
    flows = flows.filter(pl.col("share").cum_sum() > (1 - DRAWN) * pl.col("share").sum())
    if not len(flows):
        return
    row, column, to_row, to_column, share = flows.select("row", "column", "to_row", "to_column", "share").to_numpy().T
    look: Any = np.array(CHANNELS if channels == 3 else [ONLY] * channels)[flows["channel"]]
    opacity = np.maximum(np.sqrt(share / share[-1]), FAINTEST)
    aside = BESIDE * (flows["channel"].to_numpy() - 1) if channels == 3 else 0
    axes.quiver(
        column + aside, row + aside, to_column - column, to_row - row, color=look, alpha=opacity,
        angles="xy", scale_units="xy", scale=1, units="xy", width=0.17, headwidth=4, headlength=4, headaxislength=3.5,
        minshaft=1, minlength=0,
    )  # fmt: skip


def said(example: dict[str, Any]) -> str:
    """Return the label and the answer to the attacked image."""
    if example["answer"] == example["label"]:
        return f"{example['label']} withstood"
    return f"{example['label']} → {example['answer'] if example['answer'] >= 0 else 'none'}"


def caption(study: StudyFile, examples: list[dict[str, Any]]) -> str:
    """Return the caption, with how much of the mass the arrows leave out."""
    withstood = sum(example["answer"] == example["label"] for example in examples)
    moved, left, gap = (max(example[name] for example in examples) for name in ("moved", "left_out", "gap"))
    measure = "pixels times the share of the image's mass" if study.fact("unit") else "the threat's cost of moving"
    return (
        f"The first {len(examples)} test examples that are answered correctly, attacked by {study.fact('attack')} "
        f"within {study.fact('threat')}; {withstood} withstood. Left: clean. Middle: attacked. Right: the cheapest "
        "plan that makes one of the other, over the dimmed clean image in grey. Arrows go from where mass leaves to "
        "where it arrives, more opaque the more they carry; those of colour images have the colours of their channels. "
        f"Radius and cost are in {measure}. At most {percent(moved, 1)} of an image's mass moves, {percent(DRAWN, 0)} "
        f"of that along the arrows; flows below {float(study.fact('least')):g} of the mass, together {left:.1g} at "
        f"most, are left out. The plans' images differ from the attacked ones by {gap:.1g} at most."
    )
