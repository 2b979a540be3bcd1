"""Searches over a batch from which broken examples are dropped."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example

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
        self.held = S.start
        self.broken = torch.zeros_like(y, dtype=torch.bool)
        self.steps = 0

    def meet(self, broken: Bool[Tensor, "s"], z: Float[Tensor, "s *z"]) -> None:
        """Keep the points of examples that are broken for the first time."""
        if self.y.device.type == "cpu" and not broken.any():
            return  # saves a pass over all points
        self.held = torch.where(per_example(broken & ~self.broken, z), z, self.held)
        self.broken = self.broken | broken

    def pack(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Drop broken examples, and return the remaining rows of tensors with one row per example.

        If there is nothing to drop, the tensors are returned unchanged.
        """
        self.steps += 1
        if (self.y.device.type != "cpu" and self.steps % PATIENCE) or not self.broken.any():
            return tensors
        self.answer[self.index[self.broken]] = self.held[self.broken]
        going = ~self.broken
        self.S, self.y, self.noise = self.S.select(going), self.y[going], self.noise.select(going)
        self.target = None if self.target is None else self.target[going]
        self.index, self.held, self.broken = self.index[going], self.held[going], self.broken[going]
        return tuple(t[going] for t in tensors)

    def answers(self, z: Float[Tensor, "s *z"]) -> Float[Tensor, "b *z"]:
        """Return the answers of all examples; z for those that are not broken."""
        self.answer[self.index] = torch.where(per_example(self.broken, z), self.held, z)
        return self.answer

    def __len__(self) -> int:
        return len(self.y)
