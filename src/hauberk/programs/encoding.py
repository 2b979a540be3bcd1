"""A network over one example's perturbation set as a linear program."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array, diags_array

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.rounding import rounding_factor
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.programs.affine_maps import AffineMap, vector
from hauberk.programs.program import Expression, Program
from hauberk.programs.split import TINY, Split

UNDERFLOW = float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)
"""The size of a term whose rounding error, as a share of it, exceeds what a product loses that underflows."""


class Encoding:
    """The logits as affine functions of the variables of a program.

    The variables are the input and, for each piece of each neuron whose box contains several, the share of the piece
    that the neuron's argument has passed. All other values are affine functions of these: a neuron costs one
    constraint that ties its argument to its shares, and one per pair of neighbouring pieces, which keeps the later
    share at most equal to the earlier. This gives the convex hull of the neuron's graph over its box, for a ReLU the
    triangle; it is the graph itself if of each pair the earlier share is 1 or the later one 0.

    A function that is not piecewise linear is relaxed to the strip between its parallel lines.

    Coefficients are rounded. Take, for any member of the set, the input and the shares that the network in exact
    arithmetic has there: each term of a value's expression has passed at most `roundings` roundings, and their absolute
    values sum up to at most `scale`. This bounds how far the expression is from the value, and with it how far these
    variables may be from meeting the constraint that ties a neuron: its `slack`.

    Args:
        graph: the network.
        maps: the maps of its affine nodes.
        S: the set of a single example (batch 1), an l_inf or l_1 ball.
        boxes: the boxes of the values for that example, the input first.

    Raises:
        UnsupportedSetError: the set is neither an l_inf nor an l_1 ball.
        UnsupportedOpError: a node is neither affine nor element-wise.

    Sources: Wong & Kolter 2018, section 3; Markowitz & Manne 1957 (the incremental model).
    """

    @np.errstate(over="ignore", invalid="ignore")  # such numbers are found by `finite`
    def __init__(self, graph: FrozenGraph, maps: dict[int, AffineMap], S: CertifiableSet, boxes: Sequence[Box]) -> None:
        self.program = Program()
        self.splits: dict[int, Split] = {}
        values = [self.input(S)]
        self.scale, self.roundings = [vector(boxes[0].magnitude)], [0]
        floor = UNDERFLOW * (1 + self.scale[0].max(initial=0.0))
        for index, node in enumerate(graph.nodes, start=1):
            if isinstance(node.op, Affine):
                parts = [values[i].through(m) for i, m in zip(node.inputs, maps[index].matrices, strict=True)]
                values.append(sum(parts[1:], parts[0]).plus(maps[index].offset))
                shaped = [(i, (1, *graph.shapes[i])) for i in node.inputs]
                given = [torch.from_numpy(self.scale[i]).view(shape).to(boxes[0].lower) for i, shape in shaped]
                self.scale.append(vector(node.op.terms(*given)) + floor)
                count = node.op.roundings + node.op.roundings_back + 8
                self.roundings.append(max(self.roundings[i] for i in node.inputs) + count)
            elif isinstance(node.op, Elementwise):
                i = node.inputs[0]
                self.roundings.append(self.roundings[i] + 16)
                add = self.strip if node.op.pieces is None else self.hull
                values.append(add(index, node.op, self.scale[i], values[i], boxes[i]))
            else:
                raise UnsupportedOpError(f"a linear program cannot hold {node.name} ({type(node.op).__name__}).")
        self.logits = values[-1]

    @property
    def finite(self) -> bool:
        """True if a solver can handle the program: no number is NaN or infinite."""
        numbers = (self.logits.coefficients.data, self.logits.constant, self.scale[-1])
        return self.program.finite and all(np.isfinite(one).all() for one in numbers)

    def share(self, index: int) -> float:
        """Return the largest error of a value's expression, as a share of its `scale`."""
        return rounding_factor(self.roundings[index], torch.float64)

    def cost(self, row: Float[np.ndarray, "classes"]) -> Float[np.ndarray, "n"]:
        """Return the coefficients of <row, logits> for every variable."""
        coefficients = self.logits.coefficients.T @ row
        return np.concatenate([coefficients, np.zeros(self.program.variables - len(coefficients))])

    def arriving(
        self, cost: Float[np.ndarray, "n"], multipliers: Float[np.ndarray, "m"]
    ) -> dict[int, Float[np.ndarray, "q"]]:
        """Return, by node, the coefficients with which a row arrives at the results of split neurons."""
        left = cost.copy()
        for split in self.splits.values():
            left[: split.argument.variables] -= split.argument.coefficients.T @ multipliers[split.rows]
        found = {}
        for index, split in self.splits.items():
            length = np.maximum(np.abs(split.rises).max(0), TINY)  # of a neuron that never rises, nothing depends
            steps = split.rises / length
            found[index] = (left[split.shares] * steps).sum(0) / np.maximum((steps**2).sum(0), 1) / length
        return found

    def input(self, S: CertifiableSet) -> Expression:
        """Add the input's variables and the set's constraints and return the input."""
        if not isinstance(S, NormBall) or S.p not in (1, math.inf):
            raise UnsupportedSetError(
                f"a linear program holds l_inf and l_1 balls alone, but the set is {type(S).__name__}"
                + (f" with p = {S.p}." if isinstance(S, NormBall) else ".")
            )
        box, start = S.bounding_box(), vector(S.start)
        lower, upper, one = vector(box.lower), vector(box.upper), np.ones((1, len(start)))
        z = Expression.of(self.program.add(lower, upper), one)
        if S.p == 1:
            ends = (np.nextafter(end.clip(min=0), np.inf) for end in (upper - start, start - lower))
            up, down = (self.program.add(0 * start, end) for end in ends)
            self.program.require(z + Expression.of(up, -one) + Expression.of(down, one), "=", start)
            both = np.concatenate([up, down], 1).T
            most = vector(S.radius) * (1 + rounding_factor(len(start) + 2, torch.float64))  # as `contains` rounds
            self.program.require(Expression.of(both, np.ones(both.shape)), "<=", most)
        return z

    def hull(
        self, index: int, op: Elementwise, scale: Float[np.ndarray, "m"], argument: Expression, box: Box
    ) -> Expression:
        """Add the split neurons of a piecewise linear node and return the node's result."""
        pieces = cast(Pieces, op.pieces)
        edges = pieces.edges(box).flatten(0, 1)
        ends, values = (side.detach().flatten(1).double().cpu().numpy() for side in (edges, op(edges)))
        widths, rises = np.diff(ends, axis=0), np.diff(values, axis=0)
        several = (widths > 0).sum(0) > 1
        slope = np.where(several, 0.0, np.array(pieces.slopes)[widths.argmax(0)])
        bent = np.where(several, np.abs(rises).sum(0), 0.0)
        self.scale.append(np.abs(slope) * (scale + np.abs(ends[0])) + np.abs(values[0]) + bent)
        result = argument.through(csr_array(diags_array(slope))).plus(values[0] - slope * ends[0])
        neurons = np.flatnonzero(several)
        if not len(neurons):
            return result
        argument, ends, widths, rises = argument[neurons], ends[:, neurons], widths[:, neurons], rises[:, neurons]
        shares = self.program.add(np.zeros(widths.size), (widths > 0).ravel().astype(float)).reshape(widths.shape)
        slack = (scale[neurons] + np.abs(ends).sum(0)) * self.share(index)
        rows = self.program.require(argument + Expression.of(shares, -widths), "=", ends[0], slack)
        self.splits[index] = split = Split(len(slope), neurons, argument, rows, shares, widths, rises)
        for earlier, later, both in zip(shares[:-1], shares[1:], split.ordered, strict=True):
            pair = np.stack([earlier[both], later[both]])
            self.program.require(Expression.of(pair, np.array([[-1.0], [1.0]]) * np.ones(pair.shape)), "<=", 0.0)
        chosen = csr_array(
            (np.ones(len(neurons)), (neurons, np.arange(len(neurons)))), shape=(len(slope), len(neurons))
        )
        return result + Expression.of(shares, rises).through(chosen)

    def strip(
        self, index: int, op: Elementwise, scale: Float[np.ndarray, "m"], argument: Expression, box: Box
    ) -> Expression:
        """Add the strip between the parallel lines of a node without pieces and return the node's result."""
        lines = op.relax_parallel(box)
        slope, high = vector(lines.upper_slope), vector(lines.upper_intercept)
        low = np.zeros_like(high) if lines.lower_intercept is None else vector(lines.lower_intercept)
        self.scale.append(np.abs(slope) * scale + np.maximum(np.abs(low), np.abs(high)))
        columns = self.program.add(low, np.maximum(low, high))
        strip = Expression.of(columns, np.ones(columns.shape))
        return argument.through(csr_array(diags_array(slope))) + strip
