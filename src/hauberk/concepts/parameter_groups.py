"""Optimizers that treat some parameters differently from others."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import nn


class ParameterGroups(ABC):
    """Sorts parameters into groups and makes an optimizer of them."""

    @abstractmethod
    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return an optimizer of all the parameters."""
