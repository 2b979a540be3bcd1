"""Bounds by linear programming over the relaxation of every neuron."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.bounder import Bounder, Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.slopes import Adaptive
from hauberk.concepts.specification import LinearSpec
from hauberk.programs.affine_maps import affine_maps
from hauberk.programs.encoding import Encoding
from hauberk.programs.solver import Solver
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.ranges import Count

STEEPEST = 1e4
"""The steepest slope accepted from the solver: steeper ones come from coefficients that are noise."""


@dataclass(frozen=True)
class LinearProgram(MemberwiseBounder):
    """The best bound that the convex hull of each single neuron allows, given the boxes of `intermediate`.

    One linear program per example, one objective per row. The solver is not trusted: its multipliers only say which
    line each row takes at each neuron, and any line is sound once it has been moved to touch the neuron's graph from
    outside; the bound is a backward pass along these lines, with the rounding allowance of every backward pass. If the
    solver fails, a row takes the lines of CROWN.

    Neurons that are not piecewise linear keep the strip between their parallel lines. The bounds have no gradient. On a
    network of MNIST's size, each row of an example takes seconds.

    Args:
        intermediate: bounds the hidden values.
        workers: the number of threads, each solving one example at a time; results do not depend on it.

    Raises:
        UnsupportedSetError: the set is neither an l_inf nor an l_1 ball.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear, LinearProgram
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2))
        >>> network[0].weight.data = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        >>> network[2].weight.data = torch.tensor([[1.0, 1.0], [0.0, 0.0]])  # |x_0 - x_1| and 0, plus the bias
        >>> network[2].bias.data = torch.tensor([0.5, 0.0])
        >>> x, y = torch.tensor([[0.55, 0.45]]), torch.tensor([0])
        >>> graph, S, spec = capture(network, x).frozen(), LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)
        >>> crown = BackwardLinear()
        >>> [round(bounder(graph, S, spec).lower.item(), 3) for bounder in (crown, LinearProgram(crown))]
        [0.4, 0.5]

    Sources: Wong & Kolter 2018, section 3.1; safe bounds from multipliers: Neumaier & Shcherbina 2004.
    """

    intermediate: Bounder
    workers: Count = 1
    differentiable = False
    tightness = Tightness.STABLE

    def covers(self, graph: FrozenGraph) -> bool:
        return all(isinstance(node.op, Affine | Elementwise) for node in graph.nodes)

    @property
    def certifies(self) -> bool:
        return self.intermediate.certifies

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        with torch.no_grad():
            maps = affine_maps(graph, S.start[:1])
            examples = torch.arange(len(S.start), device=S.start.device).split(1)
            rows = spec.rows.double().cpu().numpy()

            @torch.no_grad()
            def solved(i: Tensor) -> dict[int, Float[np.ndarray, "k n"]]:
                return best_slopes(Encoding(graph, maps, S.select(i), selected(boxes, i)), rows[int(i)])

            with ThreadPoolExecutor(self.workers) as pool:
                slopes = list(pool.map(solved, examples))
            lower = []
            for i, found in zip(examples, slopes, strict=True):
                copies = i.expand(rows.shape[1])
                own = selected(boxes, copies)
                backward = BackwardPass(graph, S.select(copies), own, Adaptive(), outward=outward)
                backward.tables.relaxations.update(lines(graph, own, found))
                lower.append(backward.margins(LinearSpec(spec.rows[i][0][:, None], spec.offset[i][0][:, None])).T)
            return Bounds(torch.cat(lower), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        return self.intermediate.boxes(graph, S, outward=outward, noise=noise)


def selected(boxes: list[Box], index: Int[Tensor, "s"]) -> list[Box]:
    """Return the boxes of some of the examples."""
    return [Box(box.lower[index].detach(), box.upper[index].detach()) for box in boxes]


def best_slopes(encoding: Encoding, rows: Float[np.ndarray, "k classes"]) -> dict[int, Float[np.ndarray, "k n"]]:
    """Return, for each node with split neurons, the slope of the line that each row takes at each of its neurons.

    At the optimum a row arrives at a neuron's result with some coefficient and leaves, at its argument, with the
    multiplier of the constraint that ties the two: their ratio is the slope. It is NaN if nothing arrives, if the
    solver failed, and at neurons that are not split.
    """
    slopes = {index: np.full((len(rows), split.size), np.nan) for index, split in encoding.splits.items()}
    if not slopes or not encoding.finite:
        return slopes
    solver = Solver(encoding.program)
    for k, row in enumerate(rows):
        cost = encoding.cost(row)
        multipliers = solver.minimize(cost).multipliers
        if multipliers is None:
            continue
        for index, at_result in encoding.arriving(cost, multipliers).items():
            split = encoding.splits[index]
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = -multipliers[split.rows] / at_result
            slopes[index][k, split.neurons] = np.where(np.abs(slope) <= STEEPEST, slope, np.nan)
    return slopes


def lines(graph: FrozenGraph, boxes: list[Box], slopes: dict[int, Float[np.ndarray, "k n"]]) -> dict[int, Relaxation]:
    """Return the relaxation of every element-wise node, for boxes of batch k."""
    found = {}
    for index, node in enumerate(graph.nodes, start=1):
        if isinstance(node.op, Elementwise):
            box, pieces = boxes[node.inputs[0]], node.op.pieces
            if pieces is None:
                found[index] = node.op.relax_parallel(box)
            elif index in slopes:
                slope = torch.from_numpy(slopes[index]).to(box.lower).view_as(box.lower)
                found[index] = touching(node.op, pieces, box, slope)
    return found


def touching(op: Elementwise, pieces: Pieces, box: Box, slope: Float[Tensor, "k *z"]) -> Relaxation:
    """Return the lines of these slopes that touch the function from both sides; the op's own if the slope is NaN."""
    own, edges = op.relax(box), pieces.edges(box)
    gap = op(edges.flatten(0, 1)).view_as(edges) - slope * edges
    low = torch.zeros_like(slope) if own.lower_intercept is None else own.lower_intercept
    given = ~slope.isnan()
    return Relaxation(
        torch.where(given, slope, own.lower_slope),
        torch.where(given, slope, own.upper_slope),
        torch.where(given, gap.amax(0), own.upper_intercept),
        torch.where(given, gap.amin(0), low),
    )
