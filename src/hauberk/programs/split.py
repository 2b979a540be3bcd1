"""Neurons whose boxes contain more than one piece of their function."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from hauberk.programs.program import Expression

Pair = tuple[int, int]
"""The columns of the shares of two neighbouring pieces, the earlier first."""

EXACT = 1e-9
"""The share of a piece within which a neuron counts as being on a single piece: the solver's own tolerance."""

TINY = float(np.finfo(np.float64).tiny)
"""The weight of neurons on which a row does not depend: they come last."""


@dataclass(frozen=True)
class Split:
    """The neurons of a node whose boxes contain more than one piece.

    Args:
        size: the number of all neurons of the node.
        neurons: the indices of the q split neurons.
        argument: the expressions that they read.
        rows: the constraints that tie the argument to the shares.
        shares: the columns of the variables that hold the share of each piece that the argument has passed.
        widths: the length of each piece.
        rises: the increase of the result along each piece.
    """

    size: int
    neurons: Int[np.ndarray, "q"]
    argument: Expression
    rows: slice
    shares: Int[np.ndarray, "pieces q"]
    widths: Float[np.ndarray, "pieces q"]
    rises: Float[np.ndarray, "pieces q"]

    @property
    def ordered(self) -> Bool[np.ndarray, "pairs q"]:
        """A mask of the pairs of neighbouring pieces that lie in the box, so that the earlier is passed first."""
        return (self.widths[:-1] > 0) & (self.widths[1:] > 0)

    def gaps(self, point: Float[np.ndarray, "n"]) -> tuple[Float[np.ndarray, "pairs q"], Float[np.ndarray, "q"]]:
        """Return how far each pair is from a single piece, and how far the result is from the function, at a point."""
        shares, before = point[self.shares], self.widths.cumsum(0) - self.widths
        passed = ((self.widths * shares).sum(0) - before).clip(0, self.widths)
        exact = np.divide(passed, self.widths, out=np.zeros_like(passed), where=self.widths > 0)
        apart = np.where(self.ordered, np.minimum(1 - shares[:-1], shares[1:]), 0.0)
        return apart, np.abs(((shares - exact) * self.rises).sum(0))


def worst_pair(
    splits: dict[int, Split], arriving: dict[int, Float[np.ndarray, "q"]], point: Float[np.ndarray, "n"]
) -> Pair | None:
    """Return the pair of the neuron whose hull gains most on its function at a point; None if every neuron is exact.

    Args:
        splits: the neurons, by node.
        arriving: the coefficients with which the row arrives at their results.
        point: the variables.
    """
    best, found = 0.0, None
    for index, split in splits.items():
        apart, gain = split.gaps(point)
        weight = np.where(apart > EXACT, np.abs(arriving[index]) * gain + TINY, 0.0)
        k, q = np.unravel_index(weight.argmax(), weight.shape)
        if weight[k, q] > best:
            best, found = weight[k, q], (int(split.shares[k, q]), int(split.shares[k + 1, q]))
    return found
