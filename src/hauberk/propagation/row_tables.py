"""Tables that rows are multiplied with on their way back through a graph."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.rounding import rounding_factor, summed, underflow
from hauberk.concepts.rows import Rows, Window
from hauberk.concepts.slopes import Slopes
from hauberk.errors import UnsupportedOpError

Tables = tuple[Tensor | None, ...]


class RowTables:
    """The box, constants or lines of every value, with an allowance for rounding errors; each is computed once.

    Without slopes, no value has lines, and rows end at boxes.

    Args:
        graph: the network.
        S: the sets.
        boxes: the boxes of the values, the input first; the list may still grow.
        slopes: the rule for the relaxations; None to stop at boxes.
        outward: True to allow for rounding errors.
    """

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        self.graph, self.S, self.boxes, self.slopes, self.outward = graph, S, boxes, slopes, outward
        self.relaxations: dict[int, Relaxation] = {}
        self.magnitudes: dict[int, Tensor] = {}
        self.losses: dict[int, Tensor] = {}
        self.made: dict[tuple[int, Window | None, bool], Tables] = {}

    @property
    def two_sided(self) -> bool:
        """True if a row is bounded from both sides at once: both lines of every relaxation share their slope."""
        return self.slopes is None or self.slopes.parallel

    def at(self, index: int, rows: Rows) -> Tables:
        """Return the tables that rows of this value are multiplied with, as arguments of `dots` and `relax`."""
        key = index, rows.window, rows.last
        if key not in self.made:
            self.made[key] = tuple(t if t is None else rows.table(t).contiguous() for t in self.facts(index))
        return self.made[key]

    def facts(self, index: int) -> Tables:
        """Return the lines of a relaxed value; centre and radius of a box; or an offset and its rounding allowance."""
        node = self.graph.nodes[index - 1] if index else None
        if node is not None and isinstance(node.op, Relaxable) and self.slopes is not None:
            return self.line_facts(index)
        batch = self.boxes[0].lower
        allowed = self.allowed(index) if self.outward else None
        if node is None:
            if not self.S.is_box:
                return None, allowed
        elif isinstance(node.op, Affine):
            shapes = [self.graph.shapes[i] for i in node.inputs]
            offset = None if node.op.homogeneous else node.op.offset(shapes, batch)
            return offset if offset is None else offset.expand(len(batch), *self.graph.shapes[index]), allowed
        box = self.boxes[index]
        return box.center, box.radius if allowed is None else box.radius + allowed

    def line_facts(self, index: int) -> Tables:
        """Return the lines of a relaxed node, taking in the affine values that no other node reads.

        This saves passes over the rows: constants, and the factors of diagonal nodes, become part of the lines. So do
        allowances, unless both lines serve both sides: then they are the radius.
        """
        lines, half = self.lines(index)
        low, high, below, above = lines.lower_slope, lines.upper_slope, lines.lower_intercept, lines.upper_intercept
        under = over = half
        for value in self.graph.merged(index):
            node = self.graph.nodes[value - 1]
            offset, allowed = self.facts(value)
            if offset is not None:
                below = low * offset if below is None else torch.addcmul(below, low, offset)
                above = torch.addcmul(above, high, offset)
            scale = node.op.scale if isinstance(node.op, Diagonal) else None
            if under is not None and over is not None and allowed is not None:
                under, over = torch.addcmul(under, low.abs(), allowed), torch.addcmul(over, high.abs(), allowed)
                if scale is not None:
                    least = (1 + lines.steepest + scale.abs()) * underflow(scale.dtype)  # of the products below
                    least = least * self.boxes[node.inputs[0]].magnitude
                    under, over = under + least, over + least
            if scale is not None:
                low, high = low * scale, high * scale
        if under is None or over is None or self.two_sided:
            return low, high, below, above, under
        return low, high, -under if below is None else below - under, above + over, None

    def lines(self, index: int) -> tuple[Relaxation, Float[Tensor, "b ..."] | None]:
        """Return the lines of a relaxed node, and the largest distance from them on either side.

        Parallel lines are replaced by the line in the middle, and half their distance.
        """
        lines = self.relaxation(index)
        allowed = self.allowed(index) if self.outward else None
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
        """Return a bound of the sums of absolute terms that occur in computing this value or a bound of it."""
        if index not in self.magnitudes:
            self.magnitudes[index] = self.terms(index)
        return self.magnitudes[index]

    def terms(self, index: int) -> Float[Tensor, "b ..."]:
        """Return `magnitude`, computed anew."""
        if index == 0:
            return self.boxes[0].magnitude
        node = self.graph.nodes[index - 1]
        inputs = [self.boxes[i].magnitude for i in node.inputs]
        if isinstance(node.op, Affine):
            return node.op.terms(*inputs)
        return self.boxes[index].magnitude if self.slopes is None else self.relaxation(index).magnitude(inputs[0])

    def allowed(self, index: int) -> Float[Tensor, "b ..."]:
        """Return the largest error of each element of a value, to be multiplied with a row's coefficients.

        What it adds to the share of the magnitude covers underflow in the value itself and where it is read.
        """
        magnitude = self.magnitude(index)
        least = self.operands(index) * (self.roundings(index) * underflow(magnitude.dtype))
        return torch.add(per_example(least, magnitude), magnitude, alpha=self.allowance(index))

    def lost(self, index: int) -> Float[Tensor, "b"]:
        """Return the largest error of a row's bound from coefficients at this value that underflow, per `underflow`."""
        if index not in self.losses:
            terms = summed(self.magnitude(index))
            self.losses[index] = torch.add(terms, self.operands(index), alpha=self.roundings(index))
        return self.losses[index]

    def operands(self, index: int) -> Float[Tensor, "b"]:
        """Return more than the sum of the magnitudes that a value is computed from; for the input, of its own."""
        nodes = self.graph.nodes[index - 1].inputs if index else (0,)
        return reduce(torch.add, (self.boxes[i].size for i in nodes))

    def allowance(self, index: int) -> float:
        """Return the largest rounding error of a value, as a share of its magnitude."""
        return rounding_factor(self.roundings(index), self.boxes[0].lower.dtype)

    def roundings(self, index: int) -> int:
        """Return the number of roundings that an element of a value may accumulate.

        It covers the network's arithmetic in this precision and the bound's own, in which rows are added at values that
        are read more than once. Inner products are summed in float64, which adds roundings only to bounds in that
        precision; those with a set's support function run in the set's own.
        """
        dtype = self.boxes[0].lower.dtype
        node = self.graph.nodes[index - 1] if index else None
        count = self.boxes[index].lower[0].numel() if index == 0 or dtype == torch.float64 else 0
        if node is not None:
            count += max(self.graph.readers[i] for i in node.inputs)
            count += node.op.roundings + node.op.roundings_back if isinstance(node.op, Affine) else 0
            count += node.op.additions if isinstance(node.op, Relaxable) else 0
        return count + 16
