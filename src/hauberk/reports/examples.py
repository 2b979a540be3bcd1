"""A few inputs and their adversarial versions, as reports read and draw them."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer
from matplotlib import colormaps
from matplotlib.image import imsave
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hauberk.errors import InputError
from hauberk.files import regular

LARGEST = 2**28
"""Largest size of a file, in bytes."""
SHOWN = 10
"""The number of examples that fit side by side."""


@dataclass(frozen=True)
class Examples:
    """Images in [0, 1] with the network's predictions, -1 where it abstains.

    Args:
        inputs: the unperturbed images.
        adversarial: their adversarial versions.
        labels: the true labels.
        clean_predictions: predictions on the inputs.
        adversarial_predictions: predictions on the adversarial versions.
        index: positions in the test split.
    """

    inputs: Float[np.ndarray, "m c h w"]
    adversarial: Float[np.ndarray, "m c h w"]
    labels: Integer[np.ndarray, "m"]
    clean_predictions: Integer[np.ndarray, "m"]
    adversarial_predictions: Integer[np.ndarray, "m"]
    index: Integer[np.ndarray, "m"]

    @property
    def largest_change(self) -> float:
        """The largest change of any value."""
        return float(np.abs(self.adversarial - self.inputs).max())

    @property
    def abstains(self) -> bool:
        """True if there is no answer, -1, to one of them."""
        return bool((self.adversarial_predictions < 0).any())


@dataclass(frozen=True)
class Picture:
    """One image of the strip, and the facts that its caption states.

    Args:
        uri: the image as a data URI.
        index: the example's position in the test split.
        label: the true label.
        prediction: the network's label, -1 if it abstains; None for a picture of a difference.
    """

    uri: str
    index: int
    label: int
    prediction: int | None


def read_examples(path: Path, remedy: str) -> Examples | None:
    """Return the examples of an evaluation; None if there is no file or no example, or if inputs are not images.

    Raises:
        InputError: the file is corrupt or its tensors do not fit together; the message ends with the remedy.
    """
    if not path.exists():
        return None
    try:
        tensors = load_file(regular(path, LARGEST))
        names = Examples.__dataclass_fields__
        arrays = {name: tensors[name] for name in names}
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} does not hold the examples of an evaluation ({error!r}): {remedy}") from error
    shapes = {name: array.shape for name, array in arrays.items()}
    count = shapes["labels"]
    if shapes["inputs"] != shapes["adversarial"] or any(shapes[name][:1] != count for name in names) or len(count) != 1:
        raise InputError(f"{path}: the shapes {shapes} do not fit together: {remedy}")
    if arrays["inputs"].ndim != 4 or not arrays["inputs"].size:
        return None
    return Examples(**{name: array[:SHOWN] for name, array in arrays.items()})


def draw_strip(examples: Examples) -> dict[str, list[Picture]]:
    """Return rows of pictures: clean, adversarial, and their difference.

    A difference is drawn on a diverging scale from minus to plus the largest change: white is no change, red brighter,
    blue darker. Of several channels it shows the one that changed most.
    """
    change = examples.adversarial - examples.inputs
    most = np.take_along_axis(change, np.abs(change).argmax(1, keepdims=True), axis=1)[:, 0]
    scaled = most / (examples.largest_change or 1) / 2 + 0.5
    rows = {
        "clean": (as_colours(examples.inputs), examples.clean_predictions),
        "adversarial": (as_colours(examples.adversarial), examples.adversarial_predictions),
        "difference": (colormaps["RdBu_r"](scaled), [None] * len(change)),
    }
    return {
        name: [
            Picture(_uri(image), int(index), int(label), None if prediction is None else int(prediction))
            for image, index, label, prediction in zip(
                images, examples.index, examples.labels, predictions, strict=True
            )
        ]
        for name, (images, predictions) in rows.items()
    }


def as_colours(images: Float[np.ndarray, "m c h w"]) -> Float[np.ndarray, "m h w 3"]:
    """Return images as RGB: their own three channels, or else the mean of their channels as grey."""
    if images.shape[1] != 3:
        images = np.repeat(images.mean(1, keepdims=True), 3, axis=1)
    return np.moveaxis(images, 1, -1).clip(0, 1)


def _uri(image: Float[np.ndarray, "h w _"]) -> str:
    content = io.BytesIO()
    imsave(content, (image * 255).round().astype(np.uint8), format="png")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode("ascii")
