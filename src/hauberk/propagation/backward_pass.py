"""Backward substitution of linear bounds from a value of a graph to its input."""

from collections.abc import Sequence
from functools import reduce
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.relaxation import Placed
from hauberk.concepts.rounding import neighbours, underflow
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.rows import dots, relax
from hauberk.propagation.row_tables import RowTables


class BackwardPass:
    """Bounds of rows over a set, given boxes of the values that are relaxed on the way.

    Rows pass affine nodes exactly. With slopes, they pass element-wise nodes by relaxation and end at the input, with
    the set's support function; without slopes, they end at the first non-affine nodes, with those values' boxes.

    A pass over r rows costs about r / b transposed forward passes and holds the rows of two values at a time.

    Args:
        graph: the network.
        S: the sets.
        boxes: the boxes of the values, the input first; the list may still grow beyond the values that rows reach.
        slopes: the rule for the relaxations; None to stop at boxes.
        outward: True to widen the bounds by their rounding errors.
    """

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        self.graph, self.S, self.boxes, self.slopes, self.outward = graph, S, boxes, slopes, outward
        self.tables = RowTables(graph, S, boxes, slopes, outward=outward)

    @property
    def two_sided(self) -> bool:
        """True if a row is bounded from both sides at once."""
        return self.tables.two_sided

    def margins(self, spec: LinearSpec) -> Float[Tensor, "b k"]:
        """Return a lower bound of every row of a specification of the logits.

        Raises:
            ShapeError: the specification is not one of these examples and logits.
        """
        spec.require_fit(len(self.boxes[0].lower), *self.graph.shapes[-1])
        rows = Rows.uniform(spec.rows)
        return self.lower(rows, len(self.graph.nodes), spec.offset.flatten()).view(spec.offset.shape)

    def lower(self, rows: Rows, at: int, constant: Float[Tensor, "r"] | None = None) -> Float[Tensor, "r"]:
        """Return a lower bound of <row, value `at`> + constant over the set, for every row."""
        center, spread = self.sums(rows, at).unbind(1)
        center = center if constant is None else center + constant
        return self.rounded(center - spread, -torch.inf, rows.values.dtype)

    def range(self, rows: Rows, at: int) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
        """Return a lower and an upper bound of <row, value `at`>; for `two_sided` passes only."""
        center, spread = self.sums(rows, at).unbind(1)
        dtype = rows.values.dtype
        return self.rounded(center - spread, -torch.inf, dtype), self.rounded(center + spread, torch.inf, dtype)

    def rounded(self, bound: Tensor, towards: float, dtype: torch.dtype) -> Tensor:
        """Return the bound in another precision; if `outward`, moved to the next number `towards` an infinity."""
        bound = bound.to(dtype)
        return neighbours(bound, towards) if self.outward else bound

    def sums(self, rows: Rows, at: int) -> Float[Tensor, "r 2"]:
        """Return the centre and spread of every row, in float64: <row, value `at`> is at least centre - spread."""
        total = rows.values.new_zeros(len(rows.values), 2, dtype=torch.float64)
        pending, owner, lost, merged = {at: rows}, rows.owner, [], set[int]()
        for index in range(at, -1, -1):
            if (rows := pending.pop(index, None)) is None:  # pyright: ignore[reportAssignmentType]
                continue
            if self.outward:
                lost.append(self.tables.lost(index))
            if index == 0:
                total = total + self.support(rows)
                continue
            node, inputs = self.graph.nodes[index - 1], self.graph.nodes[index - 1].inputs
            if isinstance(node.op, Affine):
                if index not in merged:
                    rows = rows.inside()
                if index not in merged and (self.outward or not node.op.homogeneous):
                    total = total + dots(rows.flat, rows.index, *self.tables.at(index, rows))
                pulled = self.pulled(node.op, rows, [self.graph.shapes[i] for i in inputs])
            elif self.slopes is None:
                total = total + dots(rows.flat, rows.index, *self.tables.at(index, rows))
                continue
            else:
                rows, sums = self.relaxed(index, rows)
                total, pulled = total + sums, (rows,)
                merged.update(self.graph.merged(index))
                while inputs[0] in merged and isinstance(self.graph.nodes[inputs[0] - 1].op, Diagonal):
                    lost += [self.tables.lost(inputs[0])] if self.outward else []
                    inputs = self.graph.nodes[inputs[0] - 1].inputs
            for i, part in zip(inputs, pulled, strict=True):
                pending[i] = pending[i].plus(part) if i in pending else part
        if self.outward:
            least = reduce(torch.add, lost) * underflow(self.boxes[0].lower.dtype)
            total[:, 1].add_(least.index_select(0, owner))
        return total

    def pulled(self, op: Affine, rows: Rows, shapes: list[tuple[int, ...]]) -> tuple[Rows, ...]:
        """Return the rows pulled back through an affine node, in windows as long as that saves anything."""
        if rows.window is not None:
            found = op.pull_back_windows(rows.values, rows.window, shapes)
            if found is not None:
                parts = [rows.with_values(values, window) for values, window in found]
                return tuple(part.dense() if part.window and part.window.reaches_most() else part for part in parts)
            rows = rows.dense()
        return tuple(rows.with_values(values) for values in op.pull_back(rows.values, shapes))

    def relaxed(self, index: int, rows: Rows) -> tuple[Rows, Float[Tensor, "r 2"]]:
        """Return the rows pulled back through a relaxed node, and their centres and spreads."""
        if isinstance(self.tables.relaxation(index), Placed):
            lines, radius = self.tables.lines(index)
            return cast(Placed, lines).pull_back(rows.dense(), radius)
        values, sums = relax(rows.flat, rows.index, *self.tables.at(index, rows))  # pyright: ignore[reportArgumentType]
        return rows.with_flat(values), sums

    def support(self, rows: Rows) -> Float[Tensor, "r 2"]:
        """Return the centre and spread of <row, z> over the set."""
        if self.S.is_box:
            return dots(rows.flat, rows.index, *self.tables.at(0, rows))
        sums = self.S.support_of_rows(rows)
        if self.outward:
            sums = sums + dots(rows.flat, rows.index, *self.tables.at(0, rows))
        if self.outward and (blur := self.S.blur) is not None:
            wider = blur[rows.owner].double() * rows.values.flatten(1).double().abs().sum(1)
            sums = torch.stack([sums[:, 0], sums[:, 1] + wider], 1)
        return sums
