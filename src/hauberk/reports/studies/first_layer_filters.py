"""The weights of the first layer as images."""

import base64
import io
import math

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.image import imsave

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile


def draw_first_layer_filters(study: StudyFile, name: str) -> Illustration:
    """Return a mosaic, one image per filter, on a diverging scale that all share: white is zero, red positive."""
    table = study.require("filter", "channel", "row", "column", "weight").sort("filter", "channel", "row", "column")
    shape = [int(table[axis].to_numpy().max()) + 1 for axis in ("filter", "channel", "row", "column")]
    weights = table["weight"].to_numpy().reshape(shape)
    largest = float(np.abs(weights).max()) or 1.0
    tiles = np.concatenate(list(np.moveaxis(weights, 1, 0)), axis=-1)  # channels side by side
    columns = min(len(tiles), max(1, math.ceil(math.sqrt(len(tiles) * tiles.shape[1] / tiles.shape[2] * 2))))
    pixels = mosaic(colormaps["RdBu_r"](tiles / largest / 2 + 0.5), columns)
    content = io.BytesIO()
    imsave(content, (pixels * 255).round().astype(np.uint8), format="png")
    uri = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")
    scale = max(1, min(16, 760 // pixels.shape[1]))
    layer = f"layer {study.fact('layer')}"
    label = f"The weights of {len(tiles)} filters of {layer}, between ±{largest:.3g}."
    image = Markup('<img class="mosaic" id="{}" role="img" aria-label="{}" width="{}" src="{}">')
    channels = f", {shape[1]} input channels side by side" if shape[1] > 1 else ""
    caption = (
        f"The weights of the first {len(tiles)} of {study.fact('outputs')} outputs of {layer} ({study.fact('kind')}), "
        f"each an image of {shape[2]} by {shape[3]}{channels}, on one scale from −{largest:.3g} (blue) over 0 (white) "
        f"to +{largest:.3g} (red)."
    )
    return Illustration(image.format(name, label, scale * pixels.shape[1], uri), caption)


def mosaic(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Return images in rows of `columns`, one transparent pixel apart."""
    count, height, width, depth = tiles.shape
    rows = math.ceil(count / columns)
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, depth))
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet
