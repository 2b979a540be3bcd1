"""Attacks: searches for a member of a perturbation set that the network gets wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.accepted import CheckedAttack
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ordinary_set
from hauberk.concepts.subject import errs
from hauberk.kernels.convolutions import fast_convolutions
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.ranges import Checked

Network = Callable[[Tensor], Tensor]
"""Anything that maps a batch of inputs to logits."""

Climb = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""A function for an attack to ascend: an adversarial loss, or any other of logits, labels and targets."""


class Attack(CheckedAttack, Checked, ABC):
    """A search that uses the network only by calling it (and taking the gradient of that call)."""

    black_box: ClassVar[bool] = False
    """True if it never takes a gradient: such an attack still finds what masked gradients hide from others."""

    outdone: "tuple[Attack, ...]" = ()
    """Attacks that it never leaves more examples unbroken than, given the same noise: its parts, as a rule."""

    steady: bool = False
    """True if the number of network calls never depends on the data: processes that share batch statistics in every
    pass must make the same passes."""

    @abstractmethod
    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return a member of S per example: misclassified where the attack succeeds."""


class SteerableAttack(Attack):
    """An attack that climbs a loss and can aim for one wrong class; reaching any other wrong class also succeeds."""

    loss: AdversarialLoss

    def climbing(self, loss: AdversarialLoss) -> "SteerableAttack":
        """Return the same attack with another loss."""
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
        """Return a member of S per example, aiming for the class `target`, or for any wrong class if it is None."""


class MinimumDistanceAttack(CheckedAttack, Checked, ABC):
    """A search for the misclassified point nearest to the input, inside or outside the perturbation set."""

    black_box: ClassVar[bool] = False
    """True if it never takes a gradient: such an attack still finds what masked gradients hide from others."""

    @abstractmethod
    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return, for each example, the nearest misclassified point found within the range of valid inputs.

        This is the unperturbed point if none was found, or if that is itself misclassified. With `enough`, the search
        for an example may stop at any misclassified member of its set.
        """


@dataclass(frozen=True)
class Ascent:
    """The result of one forward and one backward pass at a point.

    Args:
        gradient: the gradient of the loss with respect to the adversary's variable.
        loss: the loss of each example.
        logits: the network's logits at the point.
    """

    gradient: Float[Tensor, "b *z"]
    loss: Float[Tensor, "b"]
    logits: Float[Tensor, "b classes"]

    def misses(self, y: Int[Tensor, "b"]) -> Bool[Tensor, "b"]:
        """Return a mask of the examples whose predicted label is not y; non-finite logits predict no label."""
        return errs(self.logits, y)


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

    A network that draws random numbers is called `samples` times and all results are averaged (Athalye et al. 2018).
    """
    with gradients(), fast_convolutions(z, weights=False):
        S, y, target = ordinary_set(S), ordinary(y), None if target is None else ordinary(target)
        z = ordinary(z.detach()).requires_grad_()
        passes = []
        for _ in range(samples):
            logits = network(S.decode(z))
            value = loss(logits, y, target)
            passes.append((slope(value, z), value.detach(), logits.detach()))
    if samples == 1:
        return Ascent(*passes[0])
    return Ascent(*(torch.stack(parts).mean(0) for parts in zip(*passes, strict=True)))


def slope(value: Float[Tensor, "b"], z: Float[Tensor, "b *z"], keep: bool = False) -> Float[Tensor, "b *z"]:
    """Return the gradient of the sum of `value` with respect to z; 0 if the values do not depend on z differentiably.

    With `keep`, the autograd graph is kept for another gradient of the same pass.
    """
    if not value.requires_grad:
        return torch.zeros_like(z)
    (gradient,) = torch.autograd.grad(value, z, torch.ones_like(value), retain_graph=keep, allow_unused=True)
    return torch.zeros_like(z) if gradient is None else gradient


def misclassified(
    network: Network, S: PerturbationSet, z: Float[Tensor, "b *z"], y: Int[Tensor, "b"]
) -> Bool[Tensor, "b"]:
    """Return a mask of the examples whose predicted label at z is not y; non-finite logits predict no label."""
    with torch.no_grad():
        return errs(network(S.decode(z)), y)
