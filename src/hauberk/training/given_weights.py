"""Initialisation by given weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hauberk.concepts.initialisation import Initialisation
from hauberk.weights import load_weights


@dataclass(frozen=True)
class GivenWeights(Initialisation):
    """The network's weights from a file, so that training goes on from where another run ended.

    Args:
        file: a state dict as safetensors (`model.safetensors` of a run), or as torch.save wrote it (.pt, .pth).
        entry: the key of the state dict in a .pt file that holds more than that, say "state_dict".
        prefix: a prefix that the weights' names have in the file but not in the network, say "module.".

    Raises:
        InputError: when training begins, if the file is missing, damaged, or does not fit the network.
    """

    file: str
    entry: str | None = None
    prefix: str = ""

    def __call__(self, network: nn.Module, example: Tensor, generator: torch.Generator) -> None:
        load_weights(network, self.file, entry=self.entry, prefix=self.prefix)
