"""Bound methods that bound each member of a union of sets by itself."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

import torch

from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError
from hauberk.kernels.gradients import ordinary_mode


class MemberwiseBounder(Bounder):
    """A bounder that bounds the members of a union in turn; the worst member's bound is the union's.

    Hidden bounds, and the relaxations over them, then fit one member and not all of them. Intervals are never looser
    for it; linear bounds are mostly tighter, but looser in a few rows, where the lines of smaller boxes turn the wrong
    way. Takes as long as the members by themselves, one after the other; they share a probability of failure.
    """

    @ordinary_mode()  # operators keep what they compute, for searches by gradients as well
    def __call__(
        self,
        graph: FrozenGraph,
        S: CertifiableSet,
        spec: LinearSpec,
        *,
        outward: bool = True,
        noise: Noise | None = None,
    ) -> Bounds:
        spec.require_fit(len(S.start), *graph.shapes[-1])
        method = self.shared(len(S.parts))
        found = [method.bound(graph, part, spec, outward=outward, noise=noise) for part in S.parts]
        lower = reduce(torch.minimum, (each.lower for each in found))
        # Infinite boxes have no centre: NaN is what is made of one, and says nothing.
        return Bounds(lower.masked_fill(lower.isnan(), -torch.inf), hulls(each.boxes for each in found))

    @ordinary_mode()
    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        method = self.shared(len(S.parts))
        return hulls(method.enclose(graph, part, outward=outward, noise=noise) for part in S.parts)

    @abstractmethod
    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        """Return the bounds over sets that are no unions."""

    @abstractmethod
    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        """Return bounds of every value of the graph over sets that are no unions."""

    def shared(self, count: int) -> "MemberwiseBounder":
        """Return the method with a `count`-th of its probability of failure, as it holds for each of `count` sets.

        Raises:
            InputError: a method that it is built from does not say how.
        """
        if not self.failure:
            return self
        held = {name: each for name, each in vars(self).items() if isinstance(each, MemberwiseBounder)}
        made = replace(self, **{name: each.shared(count) for name, each in held.items()})  # pyright: ignore
        if made.failure * count > self.failure * (1 + 1e-9):
            raise InputError(f"{self} cannot share its probability of failure among the {count} members of a union.")
        return made


def hulls(found: Iterable[list[Box]]) -> list[Box]:
    """Return, for each value, the smallest box around its boxes."""
    return [reduce(hull, boxes) for boxes in zip(*found, strict=True)]


def hull(one: Box, other: Box) -> Box:
    """Return the smallest box around two boxes."""
    return Box(torch.minimum(one.lower, other.lower), torch.maximum(one.upper, other.upper))
