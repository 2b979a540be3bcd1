"""Attacks: searches for a member of a perturbation set that the network gets wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.subject import labels_of
from hauberk.errors import InputError
from hauberk.kernels.convolutions import FastConvolutions

Network = Callable[[Tensor], Tensor]
"""Anything that maps a batch of inputs to logits."""

Climb = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""What an attack may ascend: an adversarial loss, or any other function of logits, labels and targets."""


class Attack(ABC):
    """A search that uses nothing of the network but its call (and the gradient through it)."""

    black_box: ClassVar[bool] = False
    """Whether it never asks for a gradient: such an attack still sees what masked gradients hide from the others."""

    steady: bool = False
    """Whether how often it calls the network hangs on nothing but its arguments: processes that share the statistics
    of every pass have to make the same passes."""

    @abstractmethod
    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return a member of S for each example: misclassified where the attack succeeds."""


class SteerableAttack(Attack):
    """An attack that climbs a loss, and can head for one wrong class; any other that it meets is a success as well."""

    loss: AdversarialLoss

    def climbing(self, loss: AdversarialLoss) -> "SteerableAttack":
        """Return the same attack on another loss."""
        return replace(self, loss=loss)  # pyright: ignore[reportArgumentType]  # attacks are dataclasses

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        return self.steered(network, S, y, None, noise=noise)

    @abstractmethod
    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        """Return a member of S for each example, in search of the class `target`; None: of any wrong class."""


class MinimumDistanceAttack(ABC):
    """A search for the misclassified point nearest to the input, whether the perturbation set holds it or not."""

    black_box: ClassVar[bool] = False
    """Whether it never asks for a gradient: such an attack still sees what masked gradients hide from the others."""

    @abstractmethod
    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return, for each example, the nearest misclassified point found within the range of valid inputs.

        It is the unperturbed point where none was found, or where that is misclassified itself.

        Args:
            enough: whether the search for an example may end with any misclassified member of its set.
        """


@dataclass(frozen=True)
class Ascent:
    """What one forward and one backward pass tell at a point."""

    gradient: Float[Tensor, "b *z"]
    """Of the loss, with respect to the adversary's variable."""
    loss: Float[Tensor, "b"]
    logits: Float[Tensor, "b classes"]

    def misses(self, y: Int[Tensor, "b"]) -> Bool[Tensor, "b"]:
        """Return where the network's answer is not y; logits that are no numbers are no answer."""
        return labels_of(self.logits) != y


def ascent(
    loss: Climb,
    network: Network,
    S: PerturbationSet,
    z: Float[Tensor, "b *z"],
    y: Int[Tensor, "b"],
    target: Int[Tensor, "b"] | None = None,
    samples: int = 1,
) -> Ascent:
    """Return the loss at z and its gradient: one forward and one backward pass.

    A network that draws random numbers is called `samples` times, and everything is averaged (Athalye et al. 2018).
    """
    with torch.enable_grad(), FastConvolutions(weights=False):
        z = z.detach().requires_grad_()
        passes = []
        for _ in range(samples):
            logits = network(S.decode(z))
            value = loss(logits, y, target)
            passes.append((slope(value, z), value.detach(), logits.detach()))
    if samples == 1:
        return Ascent(*passes[0])
    return Ascent(*(torch.stack(parts).mean(0) for parts in zip(*passes, strict=True)))


def slope(value: Float[Tensor, "b"], z: Float[Tensor, "b *z"], keep: bool = False) -> Float[Tensor, "b *z"]:
    """Return the gradient of the sum of values; 0 where no path leads from them to z, as behind a hard decision.

    Args:
        value: a number for each example.
        z: what it depends on.
        keep: whether the same pass will be asked for another gradient.
    """
    if not value.requires_grad:
        return torch.zeros_like(z)
    (gradient,) = torch.autograd.grad(value.sum(), z, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(z) if gradient is None else gradient


def misclassified(
    network: Network, S: PerturbationSet, z: Float[Tensor, "b *z"], y: Int[Tensor, "b"]
) -> Bool[Tensor, "b"]:
    """Return where the network's answer at z is not y; logits that are no numbers are no answer."""
    with torch.no_grad():
        return labels_of(network(S.decode(z))) != y


def require_positive(name: str, **counts: float) -> None:
    """Refuse counts of steps and the like that are not positive.

    Raises:
        InputError: names the attack, the argument and its value.
    """
    for argument, count in counts.items():
        if not count > 0:
            raise InputError(f"{name} needs {argument} > 0, but it is {count}.")
