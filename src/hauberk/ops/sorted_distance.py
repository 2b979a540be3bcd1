"""The units of SortNet."""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.distances import Distances
from hauberk.kernels.sorted_distance import shares_of, sorted_distance


@dataclass(frozen=True)
class SortedDistance(Distances):
    """The weighted sums of the largest distances of the last dimension from the rows of a matrix.

    Args:
        weight: the rows.
        fractions: the shares of the distances; they do not increase, and sum up to 1.
    """

    weight: Float[Tensor, "out in"]
    fractions: tuple[float, ...]

    @property
    def shares(self) -> Float[Tensor, "k"]:
        return self.weight.new_tensor(self.fractions)

    def lipschitz(self) -> float:
        return self.shares.double().sum().item() * (1 + 1e-12)  # as rounded they may sum up to more than 1

    def __call__(self, z: Float[Tensor, "b *s in"]) -> Float[Tensor, "b *s out"]:
        return sorted_distance(z, z, self.weight, list(self.fractions))

    def interval(self, box: Box) -> Box:
        least = sorted_distance(box.lower, box.upper, self.weight, list(self.fractions))
        most = sorted_distance(box.upper, box.lower, self.weight, list(self.fractions))
        share = self.share(least)
        return Box.positive(least * (1 - share), most * (1 + share) + torch.finfo(most.dtype).tiny)


WEIGHT = torch.linspace(-3, 3, 30).view(5, 6).double()


def distances(x: Tensor) -> Tensor:
    """Return the sums of a case for laws."""
    return sorted_distance(x, x, WEIGHT, shares_of(0.4, 3))


@lowers(torch.ops.hauberk.sorted_distance.default, case=distances)
def lower_sorted_distance(
    first: Value, second: Value, weight: Stored, shares: list[float], *, shape: tuple[int, ...]
) -> Lowered:
    """Lower the units of SortNet."""
    if first != second:
        raise UnsupportedOpError("it measures distances of boxes: pass the same value twice")
    return Lowered(partial(SortedDistance, fractions=tuple(shares)), (first,), (weight,))
