"""Optimizers that treat some parameters differently from others."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import nn

from hauberk.ranges import Checked


class ParameterGroups(Checked, ABC):
    """A rule that sorts parameters into groups and builds an optimizer for them."""

    @abstractmethod
    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return an optimizer for all the parameters."""
