"""Bound methods by the dual network of the convex outer polytope, with and without the help of intervals."""

from abc import abstractmethod
from functools import reduce

import torch

from hauberk.concepts.bounder import Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.unit_bounds import margins


class DualBounder(MemberwiseBounder):
    """A bounder by parallel slopes over hidden bounds by parallel slopes, which it may intersect with intervals.

    Smaller hidden boxes have other slopes, so the margins of neither way are always the better ones.
    """

    budget: int | None
    intersect: bool | None

    @property
    def tightness(self) -> Tightness:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Tightness.UNKNOWN if self.intersect is False else Tightness.STABLE

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        ways, budget = self.ways(graph, S, outward), memory_budget(self.budget, S.start.device)
        passes = (BackwardPass(graph, S, boxes, Parallel(), outward=outward) for boxes in ways)
        return Bounds(reduce(torch.fmax, (margins(each, spec, budget) for each in passes)), agreed(ways))

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        return agreed(self.ways(graph, S, outward))

    def ways(self, graph: FrozenGraph, S: CertifiableSet, outward: bool) -> list[list[Box]]:
        """Return the boxes of all values, once for each way."""
        ways = (True, False) if self.intersect is None else (self.intersect,)
        return [self.one_way(graph, S, intersect=way, outward=outward) for way in ways]

    @abstractmethod
    def one_way(self, graph: FrozenGraph, S: CertifiableSet, *, intersect: bool, outward: bool) -> list[Box]:
        """Return the boxes of all values; those of relaxed ones are intersected with intervals only if `intersect`."""


def agreed(ways: list[list[Box]]) -> list[Box]:
    """Return, for each value, the intersection of its boxes."""
    return [reduce(Box.intersect, boxes) for boxes in zip(*ways, strict=True)]
