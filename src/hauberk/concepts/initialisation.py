"""Initialisations of a network's weights."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.ranges import Checked


class Initialisation(Checked, ABC):
    """A rule that sets the parameters of a network before training."""

    @abstractmethod
    def __call__(self, network: nn.Module, example: Float[Tensor, "b *x"], generator: torch.Generator) -> None:
        """Overwrite the parameters in place; `example` is a valid input batch of the network."""
