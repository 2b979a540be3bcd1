"""Hashes of tensors, arrays and texts, with their types and shapes."""

import hashlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from hauberk.identity.parts import UnidentifiableError

CHUNK = 2**26
"""The number of bytes hashed at a time, for tensors larger than memory or on an accelerator."""


def of_tensor(tensor: Tensor) -> str:
    """Return the SHA-256 of a tensor's elements in their order, its type and its shape.

    Device and memory layout do not matter.

    Raises:
        UnidentifiableError: it has no elements of its own, as on the meta device.
    """
    digest = hashlib.sha256()
    try:
        for piece in pieces(tensor.detach()):
            flat = piece.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
        return f"sha256:{digest.hexdigest()} {kind(tensor)}"
    except (RuntimeError, TypeError, ValueError) as error:  # meta, fake, sparse, quantised, uninitialised
        raise UnidentifiableError(f"a tensor whose elements cannot be read ({str(error).splitlines()[0]})") from error


def kind(tensor: Tensor) -> str:
    """Return a tensor's type and shape."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def pieces(tensor: Tensor) -> Iterator[Tensor]:
    """Yield the parts of a tensor, in order, each of at most CHUNK bytes."""
    size = tensor.numel() * tensor.element_size()
    if size <= CHUNK or not tensor.ndim:
        yield tensor
    elif len(tensor) == 1:
        yield from pieces(tensor[0])
    else:
        for part in tensor.split(max(1, len(tensor) * CHUNK // size)):
            yield from pieces(part)


def of_array(array: np.ndarray | np.generic) -> str:
    """Return the hash of an array, which equals that of a tensor with the same content."""
    array = np.asarray(array)
    return f"sha256:{hashlib.sha256(array.tobytes()).hexdigest()} {array.dtype} {array.shape}"


def of_bytes(content: bytes | bytearray | memoryview, kind: str = "bytes") -> str:
    """Return the SHA-256 of bytes, and their number."""
    return f"sha256:{hashlib.sha256(content).hexdigest()} {kind} ({len(content)})"
