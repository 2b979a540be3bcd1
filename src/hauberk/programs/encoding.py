"""A network over one example's perturbation set as a linear or mixed-integer program."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array, diags_array

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.pieces import Pieces
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.programs.affine_maps import AffineMap, vector
from hauberk.programs.program import Expression, Program


@dataclass(frozen=True)
class Split:
    """The neurons of a node whose boxes contain more than one piece.

    Args:
        size: the number of all neurons of the node.
        neurons: the indices of the q split neurons.
        argument: the expressions that they read.
        rows: the constraints that tie the argument to the shares.
        shares: the columns of the variables that hold the share of each piece that the argument has passed.
        rises: the increase of the result along each piece.
    """

    size: int
    neurons: Int[np.ndarray, "q"]
    argument: Expression
    rows: slice
    shares: Int[np.ndarray, "pieces q"]
    rises: Float[np.ndarray, "pieces q"]


class Encoding:
    """The logits as affine functions of the variables of a program.

    The variables are the input and, for each piece of each neuron whose box contains several, the share of the piece
    that the neuron's argument has passed. All other values are affine functions of these: a neuron costs one
    constraint that ties its argument to its shares, and one per pair of neighbouring pieces, which keeps the later
    share at most equal to the earlier. This gives the convex hull of the neuron's graph over its box, for a ReLU the
    triangle. With `integral`, a binary variable between the two shares of a pair makes it the graph itself.

    A function that is not piecewise linear is relaxed to the strip between its parallel lines.

    Args:
        graph: the network.
        maps: the affine map of each value.
        S: the set of a single example (batch 1), an l_inf or l_1 ball.
        boxes: the boxes of the values for that example, the input first.
        integral: True for a mixed-integer program, exact for piecewise linear functions; False for a linear one.

    Raises:
        UnsupportedSetError: the set is neither an l_inf nor an l_1 ball.
        UnsupportedOpError: a node is neither affine nor element-wise.

    Sources: Wong & Kolter 2018, section 3; Markowitz & Manne 1957 (the incremental model).
    """

    def __init__(
        self,
        graph: FrozenGraph,
        maps: list[AffineMap],
        S: CertifiableSet,
        boxes: Sequence[Box],
        *,
        integral: bool = False,
    ) -> None:
        self.program, self.integral = Program(), integral
        self.splits: dict[int, Split] = {}
        results = {0: self.input(S)}

        def value(index: int) -> Expression:
            """Return a value of the graph in terms of the results so far."""
            parts = [results[i].through(matrix) for i, matrix in maps[index].matrices.items()]
            return sum(parts[1:], parts[0]).plus(maps[index].offset)

        for index, node in enumerate(graph.nodes, start=1):
            if isinstance(node.op, Affine):
                continue
            if not isinstance(node.op, Elementwise):
                raise UnsupportedOpError(f"a linear program cannot hold {node.name} ({type(node.op).__name__}).")
            argument, box = value(node.inputs[0]), boxes[node.inputs[0]]
            if node.op.pieces is None:
                results[index] = self.strip(node.op, argument, box)
            else:
                results[index] = self.hull(index, node.op, node.op.pieces, argument, box)
        self.logits = value(len(graph.nodes))

    @property
    def finite(self) -> bool:
        """True if a solver can handle the program: no number is NaN or infinite."""
        numbers = (self.logits.coefficients.data, self.logits.constant)
        return self.program.finite and all(np.isfinite(one).all() for one in numbers)

    def cost(self, row: Float[np.ndarray, "classes"]) -> Float[np.ndarray, "n"]:
        """Return the coefficients of <row, logits> for every variable."""
        coefficients = self.logits.coefficients.T @ row
        return np.concatenate([coefficients, np.zeros(self.program.variables - len(coefficients))])

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
            up, down = (self.program.add(0 * start, end.clip(min=0)) for end in (upper - start, start - lower))
            self.program.require(z + Expression.of(up, -one) + Expression.of(down, one), "=", start)
            both = np.concatenate([up, down], 1).T
            self.program.require(Expression.of(both, np.ones(both.shape)), "<=", vector(S.radius))
        return z

    def hull(self, index: int, op: Elementwise, pieces: Pieces, argument: Expression, box: Box) -> Expression:
        """Add the split neurons of a piecewise linear node and return the node's result."""
        edges = pieces.edges(box).flatten(0, 1)
        ends, values = (side.detach().flatten(1).double().cpu().numpy() for side in (edges, op(edges)))
        widths, rises = np.diff(ends, axis=0), np.diff(values, axis=0)
        several = (widths > 0).sum(0) > 1
        slope = np.where(several, 0.0, np.array(pieces.slopes)[widths.argmax(0)])
        result = argument.through(csr_array(diags_array(slope))).plus(values[0] - slope * ends[0])
        neurons = np.flatnonzero(several)
        if not len(neurons):
            return result
        argument, ends, widths, rises = argument[neurons], ends[:, neurons], widths[:, neurons], rises[:, neurons]
        shares = self.program.add(np.zeros(widths.size), (widths > 0).ravel().astype(float)).reshape(widths.shape)
        rows = self.program.require(argument + Expression.of(shares, -widths), "=", ends[0])
        for k in range(len(shares) - 1):
            self.order(*shares[k : k + 2, (widths[k : k + 2] > 0).all(0)])
        self.splits[index] = Split(len(slope), neurons, argument, rows, shares, rises)
        chosen = csr_array(
            (np.ones(len(neurons)), (neurons, np.arange(len(neurons)))), shape=(len(slope), len(neurons))
        )
        return result + Expression.of(shares, rises).through(chosen)

    def order(self, earlier: Int[np.ndarray, "q"], later: Int[np.ndarray, "q"]) -> None:
        """Require later <= earlier or, if integral, later <= binary <= earlier."""
        chain = [earlier, later]
        if self.integral:
            one = np.ones(len(earlier))
            chain.insert(1, self.program.add(0 * one, one, binary=True)[0])
        for first, second in pairwise(chain):
            pair = np.stack([first, second])
            self.program.require(Expression.of(pair, np.array([[-1.0], [1.0]]) * np.ones(pair.shape)), "<=", 0.0)

    def strip(self, op: Elementwise, argument: Expression, box: Box) -> Expression:
        """Add the strip between the parallel lines of a node without pieces and return the node's result."""
        lines = op.relax_parallel(box)
        slope, high = vector(lines.upper_slope), vector(lines.upper_intercept)
        low = np.zeros_like(high) if lines.lower_intercept is None else vector(lines.lower_intercept)
        columns = self.program.add(low, np.maximum(low, high))
        strip = Expression.of(columns, np.ones(columns.shape))
        return argument.through(csr_array(diags_array(slope))) + strip
