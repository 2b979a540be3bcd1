"""Loading of network weights from files."""

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
        content: Any = torch.load(file, "cpu", weights_only=True) if Path(file).suffix in PICKLED else load_file(file)
        if entry is not None and entry not in content:
            raise InputError(f"{file} has no entry {entry!r}: it has {', '.join(map(str, content))[:200]}.")
        state = content if entry is None else content[entry]
        network.load_state_dict({name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)})
    except (SafetensorError, UnpicklingError, RuntimeError, OSError, EOFError, AttributeError, TypeError) as error:
        raise InputError(f"{file} does not hold the weights of the network: {str(error)[:2000]}") from error
