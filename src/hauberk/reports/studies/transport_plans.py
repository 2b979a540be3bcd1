"""Attacked images beside the flows of mass that make them."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float
from matplotlib.axes import Axes

from hauberk.reports.examples import as_colours
from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, panels, to_svg

Image = Float[np.ndarray, "c h w"]
COLUMNS = ("example", "part", "channel", "row", "column", "clean", "attacked", "to_row", "to_column", "share")
ALSO = ("label", "answer", "radius", "cost", "moved", "left_out", "gap")
CHANNELS = ("#ff6b5e", "#4fc66a", "#6ba4ff")
"""Red, green and blue that show on dark images."""
DIMMED = 0.35
"""The brightness of images behind arrows."""
FAINTEST = 0.12


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
            show(right, clean / white * DIMMED)
            draw_flows(right, own.filter(part="flow"), len(clean))
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
    if not len(flows):
        return
    flows = flows.sort("share")
    row, column, to_row, to_column, share = flows.select("row", "column", "to_row", "to_column", "share").to_numpy().T
    look: Any = np.array(CHANNELS if channels == 3 else [COLOURS["attacked"]] * channels)[flows["channel"]]
    axes.quiver(
        column, row, to_column - column, to_row - row, color=look, alpha=np.maximum(np.sqrt(share / share[-1]), FAINTEST),
        angles="xy", scale_units="xy", scale=1, units="xy", width=0.14, headwidth=4, headlength=4, headaxislength=3.6,
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
    left, moved = (max(example[name] for example in examples) for name in ("left_out", "moved"))
    measure = "pixels times the share of the image's mass" if study.fact("unit") else "the threat's cost of moving"
    return (
        f"The first {len(examples)} test examples that are answered correctly, attacked by {study.fact('attack')} within "
        f"{study.fact('threat')}; {withstood} withstood. Left: clean. Middle: attacked. Right: the cheapest plan that "
        "makes one of the other, on the dimmed clean image: arrows go from where mass leaves to where it arrives, those "
        "of colour images in the colours of their channels, more opaque the more mass they carry. Radius and cost are "
        f"in {measure}. At most {moved:.1%} of an image's mass moves. Flows of less than "
        f"{float(study.fact('least')):.4%} of it have no arrow: {left:.2%} of it at most. The plans' images differ from "
        f"the attacked ones by {max(example['gap'] for example in examples):.1g} at most."
    )
