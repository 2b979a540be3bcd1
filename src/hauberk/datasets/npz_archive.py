"""Arrays of numbers in NumPy's .npz archives, whose sizes are checked before they are read."""

import lzma
import struct
import zlib
from math import prod
from tokenize import TokenError
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib.format import read_array, read_array_header_1_0, read_array_header_2_0, read_magic

from hauberk.datasets.compressed import require_plausible
from hauberk.errors import InputError
from hauberk.files import regular

LARGEST = 2**36
"""Largest size of a file, in bytes."""
DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    SyntaxError,
    NotImplementedError,
    BadZipFile,
    RuntimeError,
    MemoryError,
    IndexError,
    struct.error,
    lzma.LZMAError,
    zlib.error,
    TokenError,
)
"""Errors that NumPy and the libraries below it raise for a file that is not an .npz, or a broken one."""


def load_arrays(path: str, keys: list[tuple[str, str]], split: str) -> list[tuple[str, np.ndarray]]:
    """Return images and labels under the first pair of `keys` in the file, each with its place for messages."""
    where = str(path)
    try:
        with ZipFile(regular(path, LARGEST)) as file:
            names = [name.removesuffix(".npy") for name in file.namelist()]
            for pair in keys:
                if set(pair) <= set(names):
                    arrays = []
                    for key in pair:
                        where = f"{path}, array {key!r}"
                        arrays.append((where, _array(file, key)))
                    return arrays
    except DAMAGE as error:
        raise InputError(
            f"{where}: cannot be read ({error}). Save plain numbers with numpy.savez; Python objects are never loaded."
        ) from error
    raise InputError(
        f"{path} has no {split} split: it holds the arrays {', '.join(names) or '(none)'}, but not "
        f"{', nor '.join(' and '.join(pair) for pair in keys)}; name its images and labels by `{split}_keys`."
    )


def _array(file: ZipFile, name: str) -> np.ndarray:
    """Return an array, unless its header promises other sizes than the file, or more than the file can hold."""
    member = file.getinfo(f"{name}.npy" if f"{name}.npy" in file.namelist() else name)
    require_plausible(member.file_size, member.compress_size)
    with file.open(member) as stream:
        version = read_magic(stream)
        if version > (2, 0):
            raise ValueError(f"version {version} of the format is that of arrays with named fields")
        shape, _, dtype = (read_array_header_1_0 if version == (1, 0) else read_array_header_2_0)(stream)
        promised, found = prod(shape) * dtype.itemsize, member.file_size - stream.tell()
    if dtype.hasobject or promised != found:
        raise ValueError(f"it promises {shape} elements of type {dtype}, but has {found} bytes of numbers")
    with file.open(member) as stream:
        return read_array(stream, allow_pickle=False)
