"""Optimizers with settings that make sense."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.errors import InputError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | ParameterGroups
NOT_NEGATIVE = ("lr", "lr_decay", "weight_decay", "dampening", "eps")
BELOW_ONE = ("momentum", "betas", "alpha", "rho")
"""Settings of torch's optimizers that are shares of what was before."""


def optimizer_of(factory: OptimizerFactory, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimizer that a factory makes.

    Raises:
        InputError: it makes none of these settings, or one of them makes no sense: torch takes NaN and momentum 2.
    """
    try:
        made = factory(parameters)
    except (ValueError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(f"the optimizer cannot be made: {error}") from error
    for name, value in (item for group in made.param_groups for item in group.items() if item[0] != "params"):
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int | float) and not sensible(name, number):
                raise InputError(f"{type(made).__name__} cannot work with {name}={value!r}.")
    return made


def sensible(name: str, number: float) -> bool:
    """Return whether a setting may have a value."""
    low = 0 if name in NOT_NEGATIVE + BELOW_ONE else -math.inf
    return low <= number < (1 if name in BELOW_ONE else math.inf) and number > -math.inf
