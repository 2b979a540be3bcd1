"""Examples on which a network is probed."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.attacks.pgd import PGD
from hauberk.concepts.attack import misclassified
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel, ordinary_set
from hauberk.concepts.subject import AttackableSubject
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.losses.margin import Margin

ATTACK = PGD(Margin(), steps=20, step=0.1)


@dataclass(frozen=True)
class Probe:
    """The first few correctly classified examples of a split.

    Args:
        subject: the network.
        x: their inputs.
        y: their labels.
        threat: gives the sets around them.
        noise: their noise.
        size: the most that are shown to the network at once.
    """

    subject: AttackableSubject
    x: Float[Tensor, "b *x"]
    y: Int[Tensor, "b"]
    threat: ThreatModel
    noise: Noise
    size: int

    def parts(self) -> "list[Probe]":
        """Return probes of a few of the examples each, which together have all of them."""
        whole = self.x.shape
        return [
            replace(
                self,
                x=self.x[some],
                y=self.y[some],
                threat=self.threat.select(some, whole),
                noise=self.noise.select(some),
            )
            for some in torch.arange(len(self.y), device=self.y.device).split(self.size)
        ]

    def count(self, ask: "Callable[[Probe], int]") -> int:
        """Return the number of examples counted by a question, asked of each part."""
        return sum(ask(part) for part in self.parts())

    def sets(self, factor: float = 1.0) -> PerturbationSet:
        """Return the sets around the examples, at a multiple of the threat's radius."""
        return self.threat.scaled(factor).at(self.x)

    def unbroken(self, S: PerturbationSet) -> int:
        """Return how many of the examples withstand a short attack on these sets, all at once."""
        z = ATTACK(self.subject.module, S, self.y, noise=self.noise.fold(0))
        return int((~misclassified(self.subject.module, S, z, self.y)).sum())


def gradient_at_start(probe: Probe, loss: AdversarialLoss, S: PerturbationSet) -> Float[Tensor, "b *z"] | None:
    """Return the loss's gradient at the unperturbed point; None if no gradient reaches it."""
    with gradients():
        S, y = ordinary_set(S), ordinary(probe.y)
        z = S.start.detach().clone().requires_grad_()
        value = loss(probe.subject.module(S.decode(z)), y).sum()
        return torch.autograd.grad(value, z, allow_unused=True)[0] if value.requires_grad else None
