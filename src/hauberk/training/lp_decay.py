"""Weight decay in the norm of distance layers."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class LpDecay(ParameterGroups):
    """A factory of optimizers that shrink the weights of distance layers in these layers' own norm.

    Before each step, every row w of such a layer loses lr * weight_decay times the gradient of 1/2 ||w||_p^2, which is
    w_i (|w_i| / ||w||_p)^(p - 2); at p = inf only its largest entry is shrunk. Other parameters of two or more
    dimensions lose lr * weight_decay times themselves.

    Args:
        weight_decay: the decay.
        optimizer: makes the optimizer from parameters, as `torch.optim.Adam` does.

    Raises:
        InputError: weight_decay is negative.

    Source: Zhang et al. 2021, and the released code.
    """

    weight_decay: NonNegative
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | ParameterGroups = torch.optim.Adam

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        made = self.optimizer(parameters)
        made.register_step_pre_hook(self.shrink)
        return made

    @torch.no_grad()
    def shrink(self, optimizer: torch.optim.Optimizer, *given: Any) -> None:
        """Shrink the weights that have gradients."""
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if weight.ndim >= 2 and weight.grad is not None:
                    slope = norm_slope(weight, getattr(weight, "exponent", 2.0))
                    weight.sub_(slope, alpha=group["lr"] * self.weight_decay)


def norm_slope(weight: Float[Tensor, "out ..."], p: float) -> Float[Tensor, "out ..."]:
    """Return the gradient of 1/2 ||w||_p^2 of every row w, where p is at least 1 or infinite."""
    if p == 2:
        return weight
    size = weight.abs()
    largest, index = size.max(1, keepdim=True)
    if p == math.inf:
        return torch.zeros_like(weight).scatter_(1, index, weight.gather(1, index))
    share = size / largest.clamp(min=torch.finfo(size.dtype).tiny)
    power = share.pow(p - 1)
    norm = (share * power).sum(1, keepdim=True).clamp(min=1).pow(1 / p)  # in units of the largest
    return weight.sign() * power * (largest * norm.pow(2 - p))
