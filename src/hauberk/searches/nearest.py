"""Searches for the nearest misclassified points, over a batch from which finished examples are dropped."""

from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, misclassified
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.kernels.host import on_host
from hauberk.searches.search import PATIENCE, kept


class Nearest:
    """The examples that a minimum-distance search still works on, and the nearest misclassified points of all.

    An example is done if it is misclassified unperturbed or, with `enough`, once any misclassified member is found.

    Args:
        S: the balls.
        y: the labels.
        noise: the streams of the examples.
        enough: True if any misclassified member finishes an example.
    """

    def __init__(self, S: NormBall, y: Int[Tensor, "b"], noise: Noise, enough: bool) -> None:
        self.S, self.y, self.noise, self.enough = S, y, noise, enough
        self.index = torch.arange(len(y), device=y.device)
        self.answer, self.held = S.start.clone(), S.start.clone()
        self.lengths = torch.full_like(S.radius, inf)
        """The distances of all examples' answers; infinite where there is none."""
        self.length = self.lengths
        """The same for the examples still in the batch."""
        self.done = torch.zeros_like(y, dtype=torch.bool)
        self.steps = 0

    def look(self, network: Network, z: Float[Tensor, "s *z"], length: Float[Tensor, "s"] | None = None) -> None:
        """Evaluate the network at z and keep the points that are misclassified and nearer."""
        if len(self):
            self.meet(misclassified(network, self.S, z, self.y), z, length)

    def meet(
        self, wrong: Bool[Tensor, "s"], z: Float[Tensor, "s *z"], length: Float[Tensor, "s"] | None = None
    ) -> None:
        """Keep the misclassified points that are nearer; `length` replaces the set's distance in the comparison."""
        distance = self.S.distance(z)
        length = distance if length is None else length
        better = wrong & (length < self.length)
        done = distance == 0
        if self.enough:
            near = wrong & (distance <= self.S.radius * (1 + 1e-5))
            if not on_host(z) or near.any():  # the exact test is more expensive
                member = near & self.S.contains(z)
                better, done = better | member, done | member
        better &= ~self.done
        self.held = kept(self.held, better, z)
        self.length = torch.where(better, length, self.length)
        self.done = self.done | (done & wrong)

    def pack(self, *tensors: Tensor, leaving: Bool[Tensor, "s"] | None = None) -> tuple[Tensor, ...]:
        """Drop the examples that are done or `leaving`, and return the remaining rows of tensors with one per example.

        If there is nothing to drop, the tensors are returned unchanged.
        """
        self.steps += 1
        if leaving is not None:
            self.done = self.done | leaving
        if not on_host(self.y) and self.steps % PATIENCE:
            return tensors
        going = (~self.done).nonzero()[:, 0]
        if len(going) == len(self):
            return tensors
        self._store()
        self.S, self.y, self.noise = self.S.select(going), self.y[going], self.noise.select(going)
        self.index, self.held, self.length = self.index[going], self.held[going], self.length[going]
        self.done = self.done[going]
        return tuple(t[going] for t in tensors)

    def _store(self) -> None:
        """Copy what the examples hold to the answers of all."""
        self.answer.index_copy_(0, self.index, self.held)
        self.lengths = self.lengths.index_copy(0, self.index, self.length)

    def answers(self) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points of all examples; the unperturbed points where there are none."""
        self._store()
        return self.answer

    def __len__(self) -> int:
        return len(self.y)


def farthest(S: NormBall) -> Float[Tensor, "b"]:
    """Return the distance of the farthest valid input; infinity if every number is valid."""
    low, high = S.limits
    return S.distance(torch.where(S.start - low > high - S.start, low, high))


def direction(gradient: Float[Tensor, "b *z"], noise: Noise) -> Float[Tensor, "b *z"]:
    """Return the gradients scaled to Euclidean length 1, however short; random directions for zero gradients."""
    flat = gradient.flatten(1)
    largest = flat.abs().amax(1, keepdim=True)
    level = largest[:, 0] == 0
    flat = flat / torch.where(level[:, None], 1, largest)
    if not on_host(gradient):  # finding the rows would make the processor wait
        flat = torch.where(level[:, None], noise.normal((flat.shape[1],), flat.dtype), flat)
    elif level.any():
        flat[level] = noise.select(level).normal((flat.shape[1],), flat.dtype)
    return (flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True)).view_as(gradient)
