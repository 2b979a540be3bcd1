"""Networks with weights from a file."""

from pathlib import Path

from torch import nn

from hauberk.ranges import Checked
from hauberk.weights import load_weights


class Pretrained(Checked, nn.Sequential):
    """A network with the weights that a file holds, for recipes that need a second, trained network.

    Args:
        network: the network.
        file: a state dict as safetensors (`model.safetensors` of a run), or as torch.save wrote it (.pt, .pth).
        entry: the key of the state dict in a .pt file that holds more than that, say "state_dict".
        prefix: a prefix that the weights' names have in the file but not in the network, say "module.".

    Raises:
        InputError: the file is missing, damaged, or does not fit the network.
    """

    def __init__(self, network: nn.Module, file: str | Path, entry: str | None = None, prefix: str = "") -> None:
        load_weights(network, file, entry=entry, prefix=prefix)
        super().__init__(network)
