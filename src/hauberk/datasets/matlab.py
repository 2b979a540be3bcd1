"""Arrays of numbers in MATLAB files of version 5."""

import math
import struct
import zlib
from collections.abc import Collection

import numpy as np

from hauberk.datasets.compressed import require_plausible
from hauberk.errors import InputError

LARGEST = 2**30
"""Largest decompressed size of a variable, in bytes; SVHN's largest one outside its extra images has 0.2 of it."""
START = 4096
"""Bytes of a compressed variable that tell its size and its name."""
DIMENSIONS = 4
"""Largest number of dimensions of an array."""

_TYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_MATRIX, _COMPRESSED = 14, 15
_NUMERIC = range(6, 16)  # classes of matrices: double, single and the integers
_COMPLEX = 0x800


def read_matlab(content: bytes, file: str, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return those of the named variables that the file contains; other variables are skipped.

    Little-endian files, as MATLAB has written them since version 5, compressed or not; 7.3 is another format. SciPy's
    reader is not used because damaged files crash it, so that it cannot be trusted with files of unknown origin.

    Raises:
        InputError: the file is corrupt, or a named variable is not an array of real numbers; the message names `file`
            and the fault.

    Source: MathWorks, "MAT-File Format", level 5.
    """
    found = {}
    try:
        if content[124:128] != b"\x00\x01IM":
            raise ValueError("its header is not that of a little-endian file of version 5")
        place = 128
        while place < len(content):
            kind, element, place = _element(content, place, compressed_unpadded=True)
            if kind == _COMPRESSED:
                kind, element = _inflate(element, names)
            if kind == _MATRIX:
                name, parts = _header(element)
                if name in names:
                    found[name] = _array(name, element, *parts)
    except (ValueError, struct.error, zlib.error) as error:
        raise InputError(f"{file} cannot be read as a MATLAB file of version 5 ({error}); fetch it again.") from error
    return found


def _element(content: bytes, place: int, compressed_unpadded: bool = False) -> tuple[int, bytes, int]:
    """Return the type and data of the element at `place`, and the place of the next one."""
    kind, size = struct.unpack_from("<II", content, place)
    if kind >> 16:  # the short form: up to four bytes of data in place of the size
        kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        if size > 4:
            raise ValueError(f"a short element at byte {place} has {size} bytes")
    else:
        start = place + 8
        end = start + size
        if not (compressed_unpadded and kind == _COMPRESSED):
            end += -size % 8
    if start + size > len(content):
        raise ValueError(f"the element at byte {place} has {size} bytes, but {max(len(content) - start, 0)} follow")
    return kind, content[start : start + size], end


def _inflate(content: bytes, names: Collection[str]) -> tuple[int, bytes]:
    """Return the type and data of a compressed element; of a matrix with another name only the start."""
    stream = zlib.decompressobj()
    start = stream.decompress(content, START)
    kind, size = struct.unpack_from("<II", start)
    if kind == _MATRIX and _header(start[8:])[0] not in names:
        return kind, start[8:]
    require_plausible(size, len(content))
    if size > LARGEST:
        raise ValueError(f"a compressed variable has more than {LARGEST} bytes")
    whole = start + stream.decompress(stream.unconsumed_tail, max(16 + size - len(start), 1))  # up to 8 of padding
    if not stream.eof:
        raise ValueError("a compressed variable ends early, or late")
    kind, element, _ = _element(whole, 0)
    return kind, element


def _header(matrix: bytes) -> tuple[str, tuple[int, bytes, int]]:
    """Return a matrix's name; its flags, its shape as stored, and the place of its numbers."""
    _, flags, place = _element(matrix, 0)
    _, shape, place = _element(matrix, place)
    _, name, place = _element(matrix, place)
    return name.decode("ascii"), (struct.unpack_from("<I", flags)[0], shape, place)


def _array(name: str, matrix: bytes, flags: int, stored_shape: bytes, place: int) -> np.ndarray:
    if flags & 0xFF not in _NUMERIC or flags & _COMPLEX:
        raise ValueError(f"{name} is not an array of real numbers, but of class {flags & 0xFF}")
    if len(stored_shape) % 4 or len(stored_shape) > 4 * DIMENSIONS:
        raise ValueError(f"the shape of {name} is not that of up to {DIMENSIONS} sizes")
    shape = struct.unpack(f"<{len(stored_shape) // 4}i", stored_shape)
    kind, numbers, _ = _element(matrix, place)
    if kind not in _TYPES:
        raise ValueError(f"{name} holds elements of type {kind}, which are no numbers")
    dtype = np.dtype(_TYPES[kind])
    if min(shape, default=-1) < 0 or math.prod(shape) * dtype.itemsize != len(numbers):
        raise ValueError(f"{name} has shape {shape} and elements of type {dtype}, but {len(numbers)} bytes")
    return np.frombuffer(numbers, dtype).reshape(shape, order="F")
