"""A learning rate of its own for scalars."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.ranges import Positive


@dataclass(frozen=True)
class ScalarRate(ParameterGroups):
    """A factory of optimizers that give parameters without dimensions, such as a `LogitScale`, another learning rate.

    Args:
        share: their learning rate as a share of the schedule's.
        optimizer: makes the optimizer from groups of parameters, as `torch.optim.Adam` does.

    Raises:
        InputError: share is not positive.

    Source: Zhang et al. 2022 (Boosting the certified robustness of l_infinity distance nets): 0.006 / 0.03.
    """

    share: Positive = 0.2
    optimizer: Callable[[list[dict[str, Any]]], torch.optim.Optimizer] = torch.optim.Adam

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        all_of_them = list(parameters)
        scalars = [parameter for parameter in all_of_them if not parameter.ndim]
        others = [parameter for parameter in all_of_them if parameter.ndim]
        groups = [{"params": others, "rate": 1.0}, {"params": scalars, "rate": self.share}]
        return self.optimizer([group for group in groups if group["params"]])
