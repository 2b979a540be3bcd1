"""The parts of objects of well-known types."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping
from enum import Enum
from math import isfinite
from pathlib import PurePath
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hauberk.identity import digests
from hauberk.identity.classes import class_parts
from hauberk.identity.functions import function_parts
from hauberk.identity.modules import Structure, network_parts, structure_parts
from hauberk.identity.names import class_name
from hauberk.identity.parts import Leaf, Parts

LONGEST = 200
"""The largest number of letters of a text that is kept instead of its hash."""
BY_TEXT = (PurePath, np.dtype, torch.dtype, torch.device, torch.layout, torch.memory_format)
MAPPINGS = (dict, OrderedDict, defaultdict, MappingProxyType)
SPARSE = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
COLLECTIONS = (list, tuple, torch.Size, set, frozenset)


def known_parts(value: object) -> Leaf | Parts | Mapping[Any, object] | Collection[object] | None:
    """Return the parts of an object; None if its type is not one of these.

    What a class states by `identified_by` goes before all else.
    """
    stated = getattr(type(value), "identified_by", None)
    if callable(stated):
        return Parts(type(value), {"identified by": stated(value)})
    if isinstance(value, Tensor):
        return tensor_parts(value)
    if isinstance(value, np.ndarray | np.generic):
        return array_parts(value)
    if isinstance(value, nn.Module):
        return network_parts(value)
    if isinstance(value, Structure):
        return structure_parts(value)
    if type(value) in MAPPINGS or type(value) in COLLECTIONS:
        return value  # pyright: ignore[reportReturnType]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Parts(type(value), value._asdict())  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, type):
        return class_parts(value)
    said = text(value)
    return function_parts(value) if said is None else said


def text(value: object) -> Leaf | None:
    """Return a value without parts; None for anything else."""
    if isinstance(value, Enum):
        return Leaf(f"{class_name(type(value))}.{value.name}")
    if value is None or isinstance(value, bool):
        return Leaf(value)
    if isinstance(value, int):
        return Leaf(int(value))
    if isinstance(value, float):
        return Leaf(float(value) if isfinite(value) else f"float {value}")
    if isinstance(value, complex):
        return Leaf(f"complex {complex(value)}")
    if isinstance(value, str):
        return Leaf(
            str(value) if len(value) <= LONGEST else digests.of_bytes(value.encode(errors="surrogatepass"), "text")
        )
    if isinstance(value, bytes | bytearray | memoryview):
        return Leaf(digests.of_bytes(value))
    if isinstance(value, BY_TEXT):
        return Leaf(str(value))
    if isinstance(value, ModuleType):
        return Leaf(f"module {value.__name__}")
    return None


def tensor_parts(tensor: Tensor) -> Leaf | Parts:
    """Return the hash of a tensor, or the tensors inside a quantised or sparse one."""
    if tensor.is_quantized:
        return Parts("quantised", {"integers": tensor.int_repr(), "values": tensor.dequantize()})
    if tensor.layout in SPARSE:
        tensor = tensor.detach().to_sparse_coo().coalesce()
        return Parts("sparse", {"indices": tensor.indices(), "values": tensor.values(), "shape": tensor.shape})
    return Leaf(digests.of_tensor(tensor))


def array_parts(array: np.ndarray | np.generic) -> Leaf | Parts | None:
    """Return the hash of an array, or the items of an array of objects; None for subclasses."""
    if isinstance(array, float | complex | str | bytes):  # numpy's own are Python's as well
        return text(array)
    if array.dtype.hasobject:
        return Parts("array", {"items": array.tolist(), "shape": array.shape, "type": str(array.dtype)})
    plain = isinstance(array, np.generic) or type(array) in (np.ndarray, np.memmap)
    return Leaf(digests.of_array(array)) if plain else None
