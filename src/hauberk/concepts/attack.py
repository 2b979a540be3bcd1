"""Attacks: searches for a member of a perturbation set that the network gets wrong."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet

Network = Callable[[Tensor], Tensor]
"""Anything that maps a batch of inputs to logits."""


class Attack(ABC):
    """A search that uses nothing of the network but its call (and the gradient through it)."""

    @abstractmethod
    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return a member of S for each example: misclassified where the attack succeeds."""


def ascent_direction(
    loss: AdversarialLoss, network: Network, S: PerturbationSet, z: Float[Tensor, "b *z"], y: Int[Tensor, "b"]
) -> tuple[Float[Tensor, "b *z"], Float[Tensor, "b classes"]]:
    """Return the gradient of the loss with respect to z, and the logits at z: one forward and one backward pass."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        logits = network(S.decode(z))
        (gradient,) = torch.autograd.grad(loss(logits, y).sum(), z)
    return gradient, logits.detach()
