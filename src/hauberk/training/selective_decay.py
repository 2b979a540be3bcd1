"""Weight decay of weights alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.errors import InputError
from hauberk.ranges import NonNegative

GroupedFactory = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


@dataclass(frozen=True)
class SelectiveDecay(ParameterGroups):
    """A factory of optimizers that decay only weights, neither biases nor scales and shifts of normalisations.

    A weight is a parameter with two or more dimensions, as in linear layers and convolutions. Scales of batch, group
    and instance norms have one, as do the slopes of PReLU, which are better left alone, too. A layer norm over several
    dimensions is the exception: its scales and shifts count as weights.

    Args:
        weight_decay: decay of the weights, in the optimizer's own sense; for SGD the gradient of weight_decay/2 |w|^2.
        optimizer: makes the optimizer from groups of parameters, as `torch.optim.SGD` does; its decay is overridden.

    Raises:
        InputError: weight_decay is negative.

    Sources: Wong, Rice & Kolter 2020 (no decay of batch norm); Rice, Wong & Kolter 2020 (nor of biases).
    """

    weight_decay: NonNegative
    optimizer: GroupedFactory = torch.optim.SGD

    def __call__(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer, with the weights as its first group; a group without parameters is left out.

        Raises:
            InputError: the optimizer does not support weight decay.
        """
        weights: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for parameter in parameters:
            (weights if parameter.ndim >= 2 else others).append(parameter)
        groups = [{"params": weights, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        made = self.optimizer([group for group in groups if group["params"]])
        if "weight_decay" not in made.defaults:
            raise InputError(
                f"{type(made).__name__} knows no weight decay: take another optimizer, say torch.optim.SGD."
            )
        return made
