"""Searches over a batch from which broken examples are dropped."""

from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.kernels.host import on_host

PATIENCE = 10
"""The number of steps between drops on an accelerator, where finding the broken examples makes the processor wait."""


class Search:
    """The examples that an attack still works on, and the answers of all.

    Args:
        S: the perturbation sets.
        y: the labels.
        target: the classes to aim for; None for any wrong class.
        noise: the streams of the examples.
    """

    def __init__(
        self,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        noise: Noise,
    ) -> None:
        self.S, self.y, self.target, self.noise = S, y, target, noise
        self.index = torch.arange(len(y), device=y.device)
        self.answer = S.start.clone()
        self.best = S.start.clone()
        """The points kept: the first misclassified one or, without, that of the largest loss; at first the start."""
        self.most = torch.full_like(S.radius, -inf)
        """Their losses; infinite where they are misclassified."""
        self.steps = 0

    def meet(
        self, broken: Bool[Tensor, "s"], z: Float[Tensor, "s *z"], loss: Float[Tensor, "s"] | None = None
    ) -> Bool[Tensor, "s"]:
        """Keep the points of larger loss, and for good those that are misclassified; return which are kept.

        Without a loss, only misclassified points are. An infinite loss counts as misclassified: no other is larger.
        """
        value = (self.most if loss is None else loss).masked_fill(broken, inf)
        better = value > self.most
        self.best, self.most = kept(self.best, better, z), torch.fmax(value, self.most)
        return better

    def pack(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Drop broken examples, and return the remaining rows of tensors with one row per example.

        If there is nothing to drop, the tensors are returned unchanged.
        """
        self.steps += 1
        if not on_host(self.y) and self.steps % PATIENCE:
            return tensors
        going = (self.most != inf).nonzero()[:, 0]
        if len(going) == len(self):
            return tensors
        self.answer.index_copy_(0, self.index, self.best)
        self.S, self.y, self.noise = self.S.select(going), self.y[going], self.noise.select(going)
        self.target = None if self.target is None else self.target[going]
        self.index, self.best, self.most = self.index[going], self.best[going], self.most[going]
        return tuple(t[going] for t in tensors)

    def answers(self, z: Float[Tensor, "s *z"] | None = None) -> Float[Tensor, "b *z"]:
        """Return the answers of all examples: the points kept or, if given, z for those that are not broken."""
        last = self.best if z is None else torch.where(per_example(self.most == inf, z), self.best, z)
        return self.answer.index_copy_(0, self.index, last)

    def __len__(self) -> int:
        return len(self.y)


def kept(old: Float[Tensor, "b *z"], better: Bool[Tensor, "b"], new: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the old points with the better new ones inserted, in place where that is faster."""
    if not on_host(old):  # finding the rows would make the processor wait
        return torch.where(per_example(better, new), new, old)
    rows = better.nonzero()[:, 0]
    return old.index_copy_(0, rows, new.index_select(0, rows))
