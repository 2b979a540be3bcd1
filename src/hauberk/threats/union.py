"""The union of several threats."""

from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.sets.union_set import UnionSet


@dataclass(frozen=True)
class Union(ThreatModel):
    """The threat that the adversary chooses one of several threats for each input.

    Args:
        threats: the threats to choose from; the sets of each must have a support function.

    Raises:
        InputError: there is no threat to choose from.

    Example:
        >>> import torch
        >>> from hauberk.threats import L2Ball, LinfBall, Union
        >>> threat = Union([LinfBall(0.1), L2Ball(0.5)])
        >>> threat.name
        'linf eps 0.1 or l2 eps 0.5'
        >>> S = threat.at(torch.full((1, 4), 0.5))
        >>> S.support_function(torch.ones(1, 1, 4))  # the largest sum of all pixels: 2.4 in one ball, 3 in the other
        tensor([[3.]])

    Sources: Tramer & Boneh 2019; Maini, Wong & Kolter 2020.
    """

    threats: list[ThreatModel]

    def __post_init__(self) -> None:
        if not self.threats:
            raise InputError("a union needs at least one threat, but has none.")

    @property
    def name(self) -> str:
        """The names of the threats, joined by "or"."""
        return " or ".join(threat.name for threat in self.threats)

    @property
    def eps(self) -> float | Float[Tensor, "b"]:
        """The largest radius."""
        largest = reduce(torch.maximum, [torch.as_tensor(threat.eps, dtype=torch.float64) for threat in self.threats])
        return largest if largest.ndim else largest.item()

    def at(self, x: Float[Tensor, "b *x"]) -> UnionSet:
        """Return the union of the threats' sets.

        Raises:
            UnsupportedSetError: a threat's set has no support function; the message names all such threats.
        """
        found = [threat.at(x) for threat in self.threats]
        members = tuple(S for S in found if isinstance(S, CertifiableSet))
        if len(members) < len(found):
            lacking = [t.name for t, S in zip(self.threats, found, strict=True) if not isinstance(S, CertifiableSet)]
            raise UnsupportedSetError(
                f"a union is of sets with support functions, but there is none for {', '.join(lacking)}: leave it out, "
                "and judge it as an adversary of its own (evaluator.unforeseen)."
            )
        return UnionSet(members)

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "Union":
        return Union([threat.scaled(factor) for threat in self.threats])
