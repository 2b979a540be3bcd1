"""Loading of network weights from files."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

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
        content: Any = load_pickle(path) if path.suffix in PICKLED else load_file(path)
        if entry is not None and entry not in content:
            raise InputError(f"{file} has no entry {entry!r}: it has {', '.join(map(str, content))[:200]}.")
        state = content if entry is None else content[entry]
        network.load_state_dict({name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)})
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
