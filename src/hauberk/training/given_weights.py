"""Training that goes on from given weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hauberk.concepts.initialisation import Initialisation
from hauberk.weights import load_weights


@dataclass(frozen=True)
class GivenWeights(Initialisation):
    """The weights in a file, of this network: a training goes on from where another one ended.

    Args:
        file: a state dict as safetensors (`model.safetensors` of a run), or as torch.save wrote it (.pt, .pth).
        entry: the key of the state dict where a .pt file holds more than that ("state_dict", say).
        prefix: what the names of the weights begin with in the file alone ("module.", say).

    Raises:
        InputError: when training begins, if the file is missing, damaged, or of another network.
    """

    file: str
    entry: str | None = None
    prefix: str = ""

    def __call__(self, network: nn.Module, example: Tensor, generator: torch.Generator) -> None:
        load_weights(network, self.file, entry=self.entry, prefix=self.prefix)
