"""Weights that training keeps besides its checkpoints."""

from pathlib import Path

from torch import nn

from hauberk.training.team import Team
from hauberk.weights import load_weights, save_state

BEST, SOUND = "best.safetensors", "sound.safetensors"
"""Weights of the best epoch, and of the last epoch before a collapse."""
FINAL, COLLAPSED = "final.safetensors", "collapsed.safetensors"
"""Weights at the last step, or at a collapse, that training then replaces by other ones."""


class KeptWeights:
    """Files of a network's weights, written by the first of several processes.

    Args:
        folder: holds the files.
        network: the network in training.
        team: the processes.
    """

    def __init__(self, folder: Path, network: nn.Module, team: Team) -> None:
        self.folder, self.network, self.team = folder, network, team

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).exists()

    def write(self, name: str) -> None:
        """Save the network's weights to a file."""
        if self.team.first:
            save_state(self.network.state_dict(), self.folder / name)
        self.team.wait()

    def read(self, name: str) -> None:
        """Load saved weights into the network."""
        load_weights(self.network, self.folder / name)
