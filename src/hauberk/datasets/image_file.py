"""One photograph: from the bytes of a file to pixels of the desired size."""

import struct
import zlib
from io import BytesIO

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from hauberk.errors import InputError

DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    IndexError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)
"""Errors that Pillow raises for a file that is not an image, or a broken one, besides `DecompressionBombError`."""
LARGEST = 2**26
"""Largest number of pixels of an image, also resized, and of bytes of its file: a small file can hold a huge image."""

FREE, RATIO = 2**22, 64
"""The pixels that any file may hold, and how many more for each of its bytes; photographs have 10 at most."""

_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


def decode(content: bytes, file: str, size: int, resize: int) -> UInt8[Tensor, "3 size size"]:
    """Return the centre of an image whose shorter side is resized to `resize`; messages name `file`.

    Raises:
        InputError: the content is not a JPEG or PNG image, truncated, too large or of more than 8 bits per channel.
    """
    try:
        with Image.open(BytesIO(content), formats=("JPEG", "PNG")) as image:
            scaled = [resize * side // min(image.size) for side in image.size]
            if max(image.width * image.height, scaled[0] * scaled[1]) > LARGEST:
                raise ValueError(
                    f"{image.width} x {image.height} pixels, resized {scaled[0]} x {scaled[1]}, are too many"
                )
            if image.width * image.height > max(FREE, RATIO * len(content)):
                raise ValueError(
                    f"{len(content):,} bytes promise {image.width} x {image.height} pixels, and show nothing"
                )
            if image.mode not in _MODES:
                raise ValueError(f"its pixels are of mode {image.mode}; save it with 8 bits a channel")
            # Palettes go through RGBA: otherwise Pillow warns about those with transparent entries.
            rgb = image.convert("RGBA").convert("RGB") if image.mode == "P" else image.convert("RGB")
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(f"{file} cannot be read as a JPEG or PNG image ({error}); mend or remove it.") from error
    left, top = (round((side - size) / 2) for side in scaled)
    centre = rgb.resize((scaled[0], scaled[1]), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(centre)).permute(2, 0, 1)
