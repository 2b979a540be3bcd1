"""Optimizers with settings that make sense."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.errors import InputError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | ParameterGroups
NOT_NEGATIVE = ("lr", "lr_decay", "weight_decay", "dampening", "eps")
BELOW_ONE = ("momentum", "betas", "alpha", "rho")
"""Settings of torch's optimizers that are shares of what was before."""
FUSED, FUSED_ON = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD), ("cpu", "cuda")
"""The optimizers that update all parameters in one operation, and the kinds of device on which they do."""


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


def fuse(optimizer: torch.optim.Optimizer, network: nn.Module) -> None:
    """Let one of torch's optimizers update all parameters in one operation, where it can and nothing else was asked.

    By itself torch takes a dozen operations for each parameter on a CPU, and a dozen for all of them on a GPU. Fused
    updates pair numbers as they lie in memory: a parameter with gaps would be paired with the wrong gradients.
    """
    sparse = any(getattr(part, "sparse", False) for part in network.modules())  # as embeddings' gradients may be
    for group in optimizer.param_groups if type(optimizer) in FUSED and not sparse else ():
        plain = not (group["foreach"] or group["differentiable"] or group.get("capturable"))
        able = all(p.is_floating_point() and p.device.type in FUSED_ON and dense(p) for p in group["params"])
        if group["fused"] is None and plain and able:
            group["fused"] = True


def dense(parameter: Tensor) -> bool:
    """Return whether a parameter fills its memory in one of the two usual orders; gradients come in the same."""
    last = parameter.ndim == 4 and parameter.is_contiguous(memory_format=torch.channels_last)
    return last or parameter.is_contiguous()


def sensible(name: str, number: float) -> bool:
    """Return whether a setting may have a value."""
    low = 0 if name in NOT_NEGATIVE + BELOW_ONE else -math.inf
    return low <= number < (1 if name in BELOW_ONE else math.inf) and number > -math.inf
