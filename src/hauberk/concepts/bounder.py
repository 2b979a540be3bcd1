"""Bound methods."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec


@dataclass(frozen=True)
class Bounds:
    """What a bound method found."""

    lower: Float[Tensor, "b k"]
    """A lower bound of every row of the specification over the whole set."""
    boxes: list[Box]
    """Bounds of every value of the graph, the input first."""


class Tightness(IntEnum):
    """How tight the bounds of a method are known to be; laws hold it to what it claims."""

    UNKNOWN = 0
    LINEAR = 1
    """Exact on linear networks, and nowhere looser than intervals."""
    STABLE = 2
    """Exact, moreover, wherever no neuron is unstable."""


class Bounder(ABC):
    """Computes lower bounds of a specification over a perturbation set.

    With `outward` every step is widened by its rounding error, so that the bounds hold for the network in exact
    arithmetic and for its execution in the tensors' own precision (by direct summation in any order). Training, which
    claims nothing, switches it off.
    """

    certifies: bool = True
    """Whether its bounds are proofs; estimates are for training."""
    differentiable: bool = True
    """Whether gradients flow through its margins."""

    searches: bool = False
    """Whether it searches for its relaxations: rounding may then send it elsewhere."""

    tightness: Tightness = Tightness.UNKNOWN
    """What its bounds are known to be as tight as."""

    @property
    def failure(self) -> float:
        """The probability with which its bounds of an example may be wrong: 0 but for methods that draw random numbers.

        That of a method built from others is the sum of theirs.
        """
        found = 0.0
        for value in vars(self).values():
            parts = value if isinstance(value, Sequence) else [value]
            found += sum(part.failure for part in parts if isinstance(part, Bounder))
        return found

    def covers(self, graph: FrozenGraph) -> bool:
        """Return whether the method is defined on a graph; on all others it raises UnsupportedOpError."""
        return True

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
        """Return the bounds; differentiable in the graph's tensors. Methods that draw random numbers need `noise`."""

    @abstractmethod
    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        """Return bounds of every value of the graph, the input first."""
