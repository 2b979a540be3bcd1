"""Networks and labels that attacks are given."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

from jaxtyping import Int64
from torch import Tensor, nn

from hauberk.accepted.networks import called
from hauberk.accepted.tensors import labels
from hauberk.errors import InputError
from hauberk.kernels.modes import eval_mode


@dataclass(frozen=True)
class Attacked:
    """A network under attack, whose logits are checked.

    Args:
        network: the network.
        y: the labels; none on an accelerator, which is not waited for, and none in training, which checks all before.
        ends: the least and the largest of them.
    """

    network: Callable[[Tensor], object]
    y: Int64[Tensor, "b"]
    ends: tuple[int, int]

    @classmethod
    def of(cls, network: Callable[[Tensor], object], y: Int64[Tensor, "b"], *, alone: bool) -> "Attacked":
        """Return a network that is attacked at examples of these labels, in a call of its own if `alone`."""
        if not alone or y.device.type != "cpu" or not len(y):
            return cls(network, y[:0], (0, 0))
        return cls(network, y, (int(y.min()), int(y.max())))

    def __call__(self, x: Tensor) -> Tensor:
        logits = called(self.network, x)
        if not 0 <= self.ends[0] <= self.ends[1] < logits.shape[1]:
            labels(self.y, len(self.y), logits.shape[1])  # says which one is wrong
        return logits


class CheckedAttack:
    """A search that is called with a network, sets and labels, and checks them first.

    A module, or a graph, is attacked in eval mode whatever its own mode, which it gets back. Any other callable is
    called as it is: training attacks a network in its training mode as `network.__call__`.

    Raises:
        ShapeError: labels are no integers, or the network gives no logits.
        InputError: a label has no logit, or S is no set, or inputs and network differ in type or device.
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "__call__" in vars(cls):
            cls.__call__ = asking(cls.__call__)


def asking(attack: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return an attack's method with checked arguments; of attacks inside attacks, the outermost checks."""

    @wraps(attack)
    def checked(self: CheckedAttack, network: Any, S: Any, y: Any, **options: Any) -> Tensor:
        if isinstance(network, Attacked):
            return attack(self, network, S, y, **options)
        if not isinstance(getattr(S, "start", None), Tensor):
            raise InputError(f"an attack searches a set, threat.at(x), but was given a {type(S).__name__}.")
        y = labels(y, len(S.start)).to(S.start.device)
        module = network if isinstance(network, nn.Module) else getattr(network, "module", None)  # a graph's
        alone = isinstance(module, nn.Module)
        with eval_mode(module) if alone else nullcontext():
            return attack(self, Attacked.of(network, y, alone=alone), S, y, **options).detach()

    return checked
