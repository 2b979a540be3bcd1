"""Images as bytes in a file, from which batches are read without keeping the rest in memory."""

from collections.abc import Iterable
from math import prod
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.errors import InputError


def write_images(file: Path, images: Iterable[tuple[int, UInt8[Tensor, "*x"]]]) -> None:
    """Write images of one size to their positions in a file, in the order in which they come.

    Raises:
        InputError: the disk is full, or the folder cannot be written to.
    """
    try:
        with replacing(file) as temporary, temporary.open("wb") as stream:
            for position, image in images:
                stream.seek(position * image.numel())
                stream.write(image.contiguous().numpy().data)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error}); choose another folder for it.") from error


def open_images(file: Path, count: int, shape: tuple[int, ...]) -> UInt8[Tensor, "n *x"]:
    """Return the images in a file; the system reads them from disk on access, and drops them if memory is short.

    Raises:
        InputError: the file does not have the size of `count` images.
    """
    size = count * prod(shape)
    if file.stat().st_size != size:
        raise InputError(f"{file} has {file.stat().st_size} bytes instead of {size}; remove it to have it made again.")
    return torch.from_file(str(file), shared=False, size=size, dtype=torch.uint8).view(count, *shape)
