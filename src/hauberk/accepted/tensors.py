"""Inputs, labels and folders."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from hauberk.errors import InputError, ShapeError


def tensor(what: str, value: object) -> Tensor:
    """Return a tensor, an array or nested lists of numbers as a dense tensor.

    Raises:
        ShapeError: it is something else; the message calls it `what`.
    """
    masked = isinstance(value, np.ma.MaskedArray)
    if isinstance(value, np.ndarray) and not masked:
        value = np.ascontiguousarray(value, value.dtype.newbyteorder("=")).reshape(value.shape)
    try:
        found = value if isinstance(value, Tensor) else torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        said = f"{type(value).__name__} ({str(error)[:100]})"
        raise ShapeError(f"{what} are one tensor or array of numbers, but are a {said}.") from error
    if masked or found.layout != torch.strided or found.is_nested:
        kind = "a masked array" if masked else "nested" if found.is_nested else f"of layout {found.layout}"
        raise ShapeError(f"{what} are one dense tensor of numbers, but are {kind}.")
    return found


def inputs(x: object) -> Tensor:
    """Return a batch of floating-point inputs.

    Raises:
        ShapeError: x holds integers, such as bytes of images, or has no batch dimension.
    """
    x = tensor("inputs", x)
    if not x.is_floating_point() or x.ndim < 2:
        advice = ": x.float() / 255, if these are pixels" if x.dtype == torch.uint8 else ""
        raise ShapeError(
            f"inputs are a batch (b, ...) of floating-point numbers, but have shape {tuple(x.shape)} and type "
            f"{x.dtype}{advice}."
        )
    return x


def labels(y: object, examples: int, classes: int | None = None) -> Int64[Tensor, "b"]:
    """Return one label per example; integers of any width have one meaning.

    Args:
        y: the labels.
        examples: the number of examples.
        classes: the number of classes that they must be among; None if that is not known, or if y is on an accelerator,
            which is not waited for.

    Raises:
        ShapeError: y does not hold one integer per example.
        InputError: a label lies outside 0 .. classes - 1; the message names it and its example.
    """
    y = tensor("labels", y)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool or y.shape != (examples,):
        rows = y.ndim == 2 and len(y) == examples
        advice = f": y.{'argmax(1), if each row marks its class' if y.shape[1] > 1 else 'squeeze(1)'}" if rows else ""
        raise ShapeError(
            f"labels must be {examples} integers, but have shape {tuple(y.shape)} and type {y.dtype}{advice}."
        )
    y = y.long()
    if classes is not None and bool((outside := (y < 0) | (y >= classes)).any()):
        place = int(outside.nonzero()[0, 0])
        raise InputError(
            f"labels must lie in 0..{classes - 1} (the network has {classes} logits), but that of example {place} is "
            f"{int(y[place])}."
        )
    return y


def folder_at(place: object) -> Path:
    """Return a folder given as a path or as text.

    Raises:
        InputError: it is neither.
    """
    try:
        return Path(place)  # pyright: ignore[reportArgumentType]
    except TypeError as error:
        raise InputError(f"a folder is a path, but is {place!r}.") from error
