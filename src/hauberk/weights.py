"""Files of weights: any state dict, as safetensors."""

import json
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hauberk.atomic import replacing
from hauberk.errors import InputError
from hauberk.files import regular

PICKLED = (".pt", ".pth")
LARGEST, RATIO = 2**35, 2
"""Largest size of a file, in bytes, and how many bytes each of them may become: weights do not compress."""
DAMAGE = (
    *(SafetensorError, UnpicklingError, BadZipFile, RuntimeError, OSError, EOFError, ValueError),
    *(AttributeError, TypeError, KeyError, IndexError, AssertionError, NotImplementedError, RecursionError),
)
"""Errors that loading a file causes which holds no weights, or damaged ones."""
COMPLEX, EXTRA = "complex", "extra"
"""Entries of a file's metadata: names of complex tensors, kept as pairs of real ones, and what is no tensor at all."""


def save_state(state: Mapping[str, Any], file: Path) -> None:
    """Write a state dict atomically; tensors that share memory are written one by one, what else there is as JSON.

    Raises:
        InputError: something is neither a tensor that can be written, nor plain data as JSON knows it.
    """
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    extra = {name: value for name, value in state.items() if name not in tensors}
    metadata = {COMPLEX: json.dumps([name for name, tensor in tensors.items() if tensor.is_complex()])}
    metadata |= {EXTRA: json.dumps(extra)} if extra and plain(extra) else {}
    if extra and EXTRA not in metadata:
        raise InputError(f"{', '.join(extra)}: the state holds what is neither a tensor nor plain data (JSON).")
    try:
        with replacing(file) as temporary:
            save_file({name: alone(tensor) for name, tensor in tensors.items()}, temporary, metadata)
    except (SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"the state cannot be written as safetensors: {str(error)[:500]}") from error


def load_state(file: Path, device: str = "cpu") -> dict[str, Any]:
    """Return the state dict in a file that `save_state` or safetensors wrote."""
    with safe_open(regular(file, LARGEST), "pt", device=device) as opened:
        metadata = opened.metadata() or {}
        state: dict[str, Any] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    for name in json.loads(metadata.get(COMPLEX, "[]")):
        state[name] = torch.view_as_complex(state[name])
    return state | json.loads(metadata.get(EXTRA, "{}"))


def alone(tensor: Tensor) -> Tensor:
    """Return a tensor's values in memory of their own, as real numbers."""
    own = tensor.detach().resolve_conj().resolve_neg().cpu().clone(memory_format=torch.contiguous_format)
    return torch.view_as_real(own) if own.is_complex() else own


def plain(value: object) -> bool:
    """Return whether JSON gives a value back as it was."""
    try:
        return json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError):
        return False


def load_weights(network: nn.Module, file: str | Path, *, entry: str | None = None, prefix: str = "") -> None:
    """Load the weights in a file into a network; only tensors are read, whatever else the file contains.

    Args:
        network: the network to load them into.
        file: a state dict as safetensors, or as written by torch.save (.pt, .pth).
        entry: the key of the state dict in a file that contains more than that (for instance "state_dict"); None if the
            file is the state dict.
        prefix: a prefix of the names in the file, which the network's names lack; entries without it are ignored.

    Raises:
        InputError: the file is missing, damaged or not a state dict, or its names or shapes do not match the network.
    """
    try:
        path = regular(file, LARGEST)
        content: Any = load_pickle(path) if path.suffix in PICKLED else load_state(path)
        if entry is not None and entry not in content:
            raise InputError(f"{file} has no entry {entry!r}: it has {', '.join(map(str, content))[:200]}.")
        state = content if entry is None else content[entry]
        own = {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}
        if state and not own:
            raise InputError(f"{file} has no weights whose names begin with {prefix!r}.")
        network.load_state_dict(own)
    except DAMAGE as error:
        raise InputError(f"{file} does not hold the weights of the network: {str(error)[:2000]}") from error


def load_pickle(path: Path) -> Any:
    """Return the tensors in a file of torch.save, unless it becomes larger than weights can, as an archive may.

    Raises:
        ValueError: it would.
    """
    if is_zipfile(path):
        with ZipFile(path) as archive:
            size, found = path.stat().st_size, sum(member.file_size for member in archive.infolist())
        if found > RATIO * size:
            raise ValueError(f"its {size:,} bytes promise {found:,}, but weights do not compress")
    return torch.load(path, "cpu", weights_only=True)
