"""Weights that a training keeps beside its checkpoints."""

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import nn

from hauberk.atomic import replacing
from hauberk.training.team import Team

BEST, SOUND = "best.safetensors", "sound.safetensors"
"""Of the best epoch, of the last before a collapse."""
FINAL, COLLAPSED = "final.safetensors", "collapsed.safetensors"
"""What a training ended with before it took other weights: at its last step, or at its collapse."""


class KeptWeights:
    """A network's weights in files, which the first of several processes writes."""

    def __init__(self, folder: Path, network: nn.Module, team: Team) -> None:
        self.folder, self.network, self.team = folder, network, team

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).exists()

    def write(self, name: str) -> None:
        """Keep the network's weights in a file."""
        if self.team.first:
            with replacing(self.folder / name) as temporary:
                save_file({key: tensor.contiguous() for key, tensor in self.network.state_dict().items()}, temporary)
        self.team.wait()

    def read(self, name: str) -> None:
        """Give the network the weights that were kept."""
        self.network.load_state_dict(load_file(self.folder / name, device=str(self.team.device)))
