"""Weights of a network, out of a file."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from hauberk.errors import InputError

PICKLED = (".pt", ".pth")


def load_weights(network: nn.Module, file: str | Path, *, entry: str | None = None, prefix: str = "") -> None:
    """Give a network the weights in a file; nothing but tensors is read from it, whatever it holds.

    Args:
        network: what is to have them.
        file: a state dict as safetensors, or as torch.save wrote it (.pt, .pth).
        entry: the key of the state dict where a .pt file holds more than that ("state_dict", say).
        prefix: what the names of the weights begin with in the file alone; entries without it are passed over.

    Raises:
        InputError: the file is missing or damaged, holds something else, or its names or shapes are not the network's.
    """
    try:
        content: Any = torch.load(file, "cpu", weights_only=True) if Path(file).suffix in PICKLED else load_file(file)
        if entry is not None and entry not in content:
            raise InputError(f"{file} has no entry {entry!r}: it has {', '.join(map(str, content))[:200]}.")
        state = content if entry is None else content[entry]
        network.load_state_dict({name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)})
    except (SafetensorError, UnpicklingError, RuntimeError, OSError, EOFError, AttributeError, TypeError) as error:
        raise InputError(f"{file} does not hold the weights of the network: {str(error)[:2000]}") from error
