"""Initialisations of a network's weights."""

from abc import ABC, abstractmethod

import torch

from hauberk.concepts.graph import Graph


class Initialisation(ABC):
    """Sets the parameters of a network before training."""

    @abstractmethod
    def __call__(self, graph: Graph, generator: torch.Generator) -> None:
        """Overwrite the parameters in place."""
