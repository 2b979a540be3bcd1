"""Bound methods."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec
from hauberk.ranges import Checked


@dataclass(frozen=True)
class Bounds:
    """The result of a bound method.

    Args:
        lower: a lower bound of every row of the specification over the whole set.
        boxes: bounds of every value of the graph, the input first.
    """

    lower: Float[Tensor, "b k"]
    boxes: list[Box]


class Tightness(IntEnum):
    """A claim about how tight a method's bounds are; laws hold it to that."""

    UNKNOWN = 0
    LINEAR = 1
    """Exact on linear networks, and nowhere looser than intervals on piecewise linear ones."""
    STABLE = 2
    """Exact, moreover, wherever no neuron is unstable."""


class Bounder(Checked, ABC):
    """A method that computes lower bounds of a specification over a perturbation set.

    With `outward`, every step is widened by its rounding error, so that the bounds hold both for the network in exact
    arithmetic and for its execution in the tensors' own precision (by direct summation in any order). Training needs
    no proof and switches it off.
    """

    differentiable: bool = True
    """True if gradients flow through its margins."""

    searches: bool = False
    """True if it searches for its relaxations, so that rounding may lead it to other ones."""

    tightness: Tightness = Tightness.UNKNOWN
    """The strongest claim that holds for its bounds."""

    @property
    def certifies(self) -> bool:
        """True if its bounds are proofs, and those of the methods it is built from; estimates only train."""
        return all(part.certifies for part in self.built_from)

    @property
    def failure(self) -> float:
        """The probability that its bounds of an example are wrong: 0 except for methods that draw random numbers.

        For a method built from others, this is the sum over them.
        """
        return sum((part.failure for part in self.built_from), start=0.0)

    @property
    def built_from(self) -> list["Bounder"]:
        """The methods that this one is built from."""
        held = (values_of(value) for value in vars(self).values())
        return [part for values in held for part in values if isinstance(part, Bounder)]

    def covers(self, graph: FrozenGraph) -> bool:
        """Return whether the method is defined on a graph; on all others it raises UnsupportedOpError."""
        return True

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        """Return about how many rows it pushes through the graph for one example, which foretells its time.

        For a method built from others, this is the sum over them.
        """
        return sum((part.rows(graph, S, spec) for part in self.built_from), start=0.0)

    @abstractmethod
    def __call__(
        self,
        graph: FrozenGraph,
        S: CertifiableSet,
        spec: LinearSpec,
        *,
        outward: bool = True,
        noise: Noise | None = None,
    ) -> Bounds:
        """Return the bounds, differentiable in the graph's tensors; methods that draw random numbers need `noise`."""

    @abstractmethod
    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        """Return bounds of every value of the graph, the input first."""


def values_of(value: object) -> Iterable[object]:
    """Return the elements of a collection, or a value alone."""
    return value.values() if isinstance(value, Mapping) else value if isinstance(value, Sequence) else [value]
