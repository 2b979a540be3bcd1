"""Substitution of linear bounds from a value of a graph back towards its input."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Affine, Placed, Relaxable, Relaxation, rounding_factor
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows, Window
from hauberk.concepts.slopes import Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.rows import dots, relax

Tables = tuple[Tensor | None, ...]


class BackwardPass:
    """Bounds of rows over a set, given boxes of the values that are relaxed on the way.

    Rows pass affine nodes exactly. With slopes they pass element-wise nodes by their relaxation and end at the input,
    at the set's support function; without slopes they end at the first non-affine nodes, at those values' boxes.

    A pass over r rows costs about r / b transposed forward passes and holds the rows of two values at a time.
    """

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        """`boxes` are those of the values, the input first; the list may still grow beyond what rows pass through."""
        self.graph, self.S, self.boxes, self.slopes, self.outward = graph, S, boxes, slopes, outward
        self.relaxations: dict[int, Relaxation] = {}
        self.magnitudes: dict[int, Tensor] = {}
        self.tables: dict[tuple[int, Window | None, bool], Tables] = {}

    @property
    def two_sided(self) -> bool:
        """Whether a row is bounded from both sides at once: both lines of every relaxation share their slope."""
        return self.slopes is None or self.slopes.parallel

    def margins(self, spec: LinearSpec) -> Float[Tensor, "b k"]:
        """Return a lower bound of every row of a specification of the logits."""
        rows = Rows.uniform(spec.rows)
        return self.lower(rows, len(self.graph.nodes), spec.offset.flatten()).view(spec.offset.shape)

    def lower(self, rows: Rows, at: int, constant: Float[Tensor, "r"] | None = None) -> Float[Tensor, "r"]:
        """Return a lower bound of <row, value `at`> + constant over the set, for every row."""
        center, spread = self.sums(rows, at).unbind(1)
        center = center if constant is None else center + constant
        return self.rounded(center - spread, -torch.inf, rows.values.dtype)

    def range(self, rows: Rows, at: int) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
        """Return a lower and an upper bound of <row, value `at`>; for passes that are `two_sided`."""
        center, spread = self.sums(rows, at).unbind(1)
        dtype = rows.values.dtype
        return self.rounded(center - spread, -torch.inf, dtype), self.rounded(center + spread, torch.inf, dtype)

    def rounded(self, bound: Tensor, towards: float, dtype: torch.dtype) -> Tensor:
        bound = bound.to(dtype)
        return torch.nextafter(bound, bound.new_tensor(towards)) if self.outward else bound

    def sums(self, rows: Rows, at: int) -> Float[Tensor, "r 2"]:
        """Return centre and spread of every row, in float64: the value lies above centre - spread."""
        total = rows.values.new_zeros(len(rows.values), 2, dtype=torch.float64)
        pending = {at: rows}
        for index in range(at, -1, -1):
            if (rows := pending.pop(index, None)) is None:  # pyright: ignore[reportAssignmentType]
                continue
            if index == 0:
                total = total + self.support(rows)
                continue
            node = self.graph.nodes[index - 1]
            if isinstance(node.op, Affine):
                joined = index in self.graph.bent and index != at  # its constants were added behind its reader
                if not joined:
                    rows = rows.inside()
                if not joined and (self.outward or not node.op.homogeneous):
                    total = total + dots(rows.flat, rows.index, *self.table(index, rows))
                pulled = self.pulled(node.op, rows, [self.graph.shapes[i] for i in node.inputs])
            elif self.slopes is None:
                total = total + dots(rows.flat, rows.index, *self.table(index, rows))
                continue
            else:
                rows, sums = self.relaxed(index, rows)
                total, pulled = total + sums, (rows,)
            for i, part in zip(node.inputs, pulled, strict=True):
                pending[i] = pending[i].plus(part) if i in pending else part
        return total

    def pulled(self, op: Affine, rows: Rows, shapes: list[tuple[int, ...]]) -> tuple[Rows, ...]:
        """Return the rows behind an affine node, in windows for as long as that saves anything."""
        if rows.window is not None:
            found = op.pull_back_windows(rows.values, rows.window, shapes)
            if found is not None:
                parts = [rows.with_values(values, window) for values, window in found]
                return tuple(part.dense() if part.window and part.window.reaches_most() else part for part in parts)
            rows = rows.dense()
        return tuple(rows.with_values(values) for values in op.pull_back(rows.values, shapes))

    def relaxed(self, index: int, rows: Rows) -> tuple[Rows, Float[Tensor, "r 2"]]:
        """Return the rows behind a node that is relaxed, and their centres and spreads."""
        if isinstance(self.relaxation(index), Placed):
            lines, radius = self.lines(index)
            return cast(Placed, lines).pull_back(rows.dense(), radius)
        values, sums = relax(rows.flat, rows.index, *self.table(index, rows))  # pyright: ignore[reportArgumentType]
        return rows.with_flat(values), sums

    def support(self, rows: Rows) -> Float[Tensor, "r 2"]:
        """Return centre and spread of <row, z> over the set."""
        if self.S.is_box:
            return dots(rows.flat, rows.index, *self.table(0, rows))
        sums = self.S.support_of_rows(rows)
        return sums + dots(rows.flat, rows.index, *self.table(0, rows)) if self.outward else sums

    def table(self, index: int, rows: Rows) -> Tables:
        """Return what rows of this value are multiplied with, as `dots` and `relax` take it."""
        key = index, rows.window, rows.last
        if key not in self.tables:
            self.tables[key] = tuple(t if t is None else rows.table(t).contiguous() for t in self.facts(index))
        return self.tables[key]

    def facts(self, index: int) -> Tables:
        node = self.graph.nodes[index - 1] if index else None
        if node is not None and isinstance(node.op, Relaxable) and self.slopes is not None:
            return self.line_facts(index)
        batch = self.boxes[0].lower
        allowed = self.magnitude(index) * self.allowance(index, batch.dtype) if self.outward else None
        if node is None:
            if not self.S.is_box:
                return None, allowed
        elif isinstance(node.op, Affine):
            shapes = [self.graph.shapes[i] for i in node.inputs]
            offset = None if node.op.homogeneous else node.op.offset(shapes, batch)
            return offset if offset is None else offset.expand(len(batch), *offset.shape[1:]), allowed
        box = self.boxes[index]
        return box.center, box.radius if allowed is None else box.radius + allowed

    def line_facts(self, index: int) -> Tables:
        """Return the lines of a relaxed node; with the constants of the value that it reads, where only it does.

        That spares rows a walk.
        """
        lines, radius = self.lines(index)
        low, high, below, above = lines.lower_slope, lines.upper_slope, lines.lower_intercept, lines.upper_intercept
        operand = self.graph.nodes[index - 1].inputs[0]
        offset, allowed = self.facts(operand) if operand in self.graph.bent else (None, None)
        if offset is not None:
            below = low * offset if below is None else torch.addcmul(below, low, offset)
            above = torch.addcmul(above, high, offset)
        if allowed is not None:
            radius = lines.steepest * allowed if radius is None else torch.addcmul(radius, lines.steepest, allowed)
        return low, high, below, above, radius

    def lines(self, index: int) -> tuple[Relaxation, Float[Tensor, "b ..."] | None]:
        """Return the lines that rows take behind a relaxed node, and how far it may be off them on either side.

        Parallel lines become one in the middle, and half their distance.
        """
        lines = self.relaxation(index)
        allowed = self.magnitude(index) * self.allowance(index, self.boxes[0].lower.dtype) if self.outward else None
        if not self.two_sided:
            return lines, allowed
        low = 0 if lines.lower_intercept is None else lines.lower_intercept
        middle, half = (lines.upper_intercept + low) * 0.5, (lines.upper_intercept - low) * 0.5
        lines = replace(lines, lower_intercept=middle, upper_intercept=middle)
        return lines, half if allowed is None else half + allowed

    def relaxation(self, index: int) -> Relaxation:
        """Return the relaxation of the node that computes this value."""
        if index not in self.relaxations:
            node = self.graph.nodes[index - 1]
            if not isinstance(node.op, Relaxable) or self.slopes is None:
                raise UnsupportedOpError(f"no linear relaxation is known for {node.name} ({type(node.op).__name__}).")
            self.relaxations[index] = self.slopes.at(index)(node.op, self.boxes[node.inputs[0]])
        return self.relaxations[index]

    def magnitude(self, index: int) -> Float[Tensor, "b ..."]:
        """Return a bound of the sums of absolute terms that computing this value, or a bound of it, goes through."""
        if index not in self.magnitudes:
            self.magnitudes[index] = self.terms(index)
        return self.magnitudes[index]

    def terms(self, index: int) -> Float[Tensor, "b ..."]:
        if index == 0:
            return self.boxes[0].magnitude
        node = self.graph.nodes[index - 1]
        inputs = [self.boxes[i].magnitude for i in node.inputs]
        if isinstance(node.op, Affine):
            return node.op.terms(*inputs)
        return self.boxes[index].magnitude if self.slopes is None else self.relaxation(index).magnitude(inputs[0])

    def allowance(self, index: int, dtype: torch.dtype) -> float:
        """Return the share of its magnitude by which a value may be off.

        By the network's arithmetic when it runs in this precision, and by the bound's own, in which rows meet at values
        that are read more than once. Inner products are summed in float64, which adds roundings only to bounds in that
        precision; those with a set's support function run in the set's own.
        """
        node = self.graph.nodes[index - 1] if index else None
        count = self.boxes[index].lower[0].numel() if index == 0 or dtype == torch.float64 else 0
        if node is not None:
            count += max(self.graph.readers[i] for i in node.inputs)
            count += node.op.roundings + node.op.roundings_back if isinstance(node.op, Affine) else 0
        return rounding_factor(count + 16, dtype)
