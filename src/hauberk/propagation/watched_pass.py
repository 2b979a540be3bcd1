"""Backward passes that record where a relaxation is attained."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet, ordinary_set
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Slopes
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.kernels.touching import distances
from hauberk.propagation.backward_pass import BackwardPass

RELU = Pieces(knots=(0.0,), slopes=(0.0, 1.0))


class WatchedPass(BackwardPass):
    """A backward pass that records which lines its rows took, and each row's worst point in the set.

    Arguments are those of `BackwardPass`.
    """

    worst: Float[Tensor, "b k *x"]

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        super().__init__(graph, S, boxes, slopes, outward=outward)
        self.upper: dict[int, Tensor] = {}
        """A mask of the coefficients that took the upper line, by the index of the relaxed value."""

    def relaxed(self, index: int, rows: Rows) -> tuple[Rows, Float[Tensor, "r 2"]]:
        self.upper[index] = rows.dense().values.detach() < 0
        return super().relaxed(index, rows)

    def support(self, rows: Rows) -> Float[Tensor, "r 2"]:
        dense = rows.dense().values.detach()
        self.worst = least_points(self.S, dense.unflatten(0, (len(self.boxes[0].lower), -1)))
        return super().support(rows)

    def distance(self, values: list[Tensor], *, detach: bool) -> Float[Tensor, "b k"]:
        """Return, for each row, the mean distance of unstable neurons from the points where their lines touch the ReLU.

        Args:
            values: the network's values at the worst points.
            detach: True to treat bounds as constants.

        Raises:
            UnsupportedOpError: an operator that is relaxed is not a ReLU.
        """
        shape = self.worst.shape[:2]
        total, count = self.worst.new_zeros(shape), self.worst.new_zeros(len(self.worst), 1)
        for index, upper in self.upper.items():
            node = self.graph.nodes[index - 1]
            if not isinstance(node.op, Relaxable) or node.op.pieces != RELU:
                raise UnsupportedOpError(
                    f"the distance is defined for ReLUs, but {node.name} is a {type(node.op).__name__}; use the gap."
                )
            box, x = self.boxes[node.inputs[0]], values[node.inputs[0]]
            ends = [(end.detach() if detach else end).flatten(1) for end in (box.lower, box.upper)]
            total = total + distances(*(t.flatten(1).unflatten(0, shape) for t in (x, upper)), *ends)
            count = count + box.unstable.flatten(1).sum(1, keepdim=True)
        return total / count.clamp(min=1)


def least_points(S: CertifiableSet, c: Float[Tensor, "b k *x"]) -> Float[Tensor, "b k *x"]:
    """Return the point of each set with the smallest <c, z>: for any set, the gradient of its support function."""
    with gradients():
        S, direction = ordinary_set(S), ordinary(-c).requires_grad_()
        return torch.autograd.grad(S.support_function(direction).sum(), direction)[0]
