"""Linear bounds by backward substitution through optimised relaxations: alpha-CROWN."""

from dataclasses import dataclass
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.bounder import Bounder, Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.climb import Climb, selected
from hauberk.propagation.forward_box import backward_boxes, forward_box, loose_neurons
from hauberk.propagation.groups import grouped
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.unit_bounds import margins, replaced, sides, tightened
from hauberk.ranges import Count, Natural, Positive, PositiveShare


@dataclass(frozen=True)
class OptimizedLinear(MemberwiseBounder):
    """CROWN with lines that projected Adam moves to raise the bounds.

    Every neuron's choice in [0, 1] is free: separately for each row of the specification, for each side of a neuron
    that is bounded on the way, and for each map on the way (shared by its neurons). The best choices of all iterates
    are kept, and results are never looser than CROWN's. Hidden values are optimised one after the other, each given the
    boxes of those before it, where CROWN leaves neurons relaxed, unless `intermediate` bounds them.

    An iteration costs about three passes. Bounds have no gradient.

    Args:
        iterations: the number of Adam steps; 0 is CROWN.
        intermediate: bounds the hidden values, once. None: they are optimised too.
        rate: the size of Adam's first step.
        decay: the factor by which each step is smaller than the one before.
        budget: the approximate bytes for the stored passes of a group of examples; None: what the device offers.

    Raises:
        InputError: iterations is negative.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear, OptimizedLinear
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2))
        >>> network[0].weight.data = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        >>> network[2].weight.data = torch.tensor([[1.0, 1.0], [0.0, 0.0]])  # |x_0 - x_1| and 0, plus the bias
        >>> network[2].bias.data = torch.tensor([0.5, 0.0])
        >>> x, y = torch.tensor([[0.55, 0.45]]), torch.tensor([0])
        >>> graph, S, spec = capture(network, x).frozen(), LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)
        >>> crown, optimized = BackwardLinear()(graph, S, spec).lower, OptimizedLinear()(graph, S, spec).lower
        >>> round(crown.item(), 3), bool(optimized > crown)
        (0.4, True)

    Source: Xu et al. 2021.
    """

    iterations: Natural = 20
    intermediate: Bounder | None = None
    rate: Positive = 0.1
    decay: PositiveShare = 0.98
    budget: Count | None = None
    differentiable = False
    searches = True
    tightness = Tightness.STABLE

    @staticmethod
    def cases() -> Cases:
        return {"intermediate": [None], "iterations": [3], "budget": [2**28]}

    @property
    def certifies(self) -> bool:
        return self.intermediate is None or self.intermediate.certifies

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        passes, k = 3 * self.iterations + 1, spec.offset.shape[1]
        if self.intermediate is None:
            return passes * (loose_neurons(graph, S) + k)
        return self.intermediate.rows(graph, S, spec) + passes * k

    @torch.no_grad()
    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        plain = self.plain(graph, S, outward, noise)
        boxes = self.improved(graph, S, plain, outward)
        passes = [BackwardPass(graph, S, each, Adaptive(), outward=outward) for each in (plain, boxes)]
        lower = torch.maximum(*(margins(each, spec, self.bytes(S)) for each in passes))
        rows, at = Rows.uniform(spec.rows), len(graph.nodes)
        parts = (t.split(self.limit(graph, S)) for t in (rows.owner, rows.values, spec.offset.flatten()))
        found = [
            self.best(graph, S.select(own), selected(boxes, own), at, values, constant, outward=outward)
            for own, values, constant in zip(*parts, strict=True)
        ]
        return Bounds(torch.maximum(lower, torch.cat(found).view(lower.shape)), boxes)

    @torch.no_grad()
    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        return self.improved(graph, S, self.plain(graph, S, outward, noise), outward)

    def plain(self, graph: FrozenGraph, S: CertifiableSet, outward: bool, noise: Noise | None) -> list[Box]:
        """Return the given bounds of the hidden values, or CROWN's."""
        if self.intermediate is None:
            return backward_boxes(graph, S, Adaptive(), self.bytes(S), outward=outward, frugal=False)
        return self.intermediate.boxes(graph, S, outward=outward, noise=noise)

    def improved(self, graph: FrozenGraph, S: CertifiableSet, plain: list[Box], outward: bool) -> list[Box]:
        """Return the boxes of all values within CROWN's, each optimised given those before it; given ones stay."""
        if self.intermediate is not None:
            return plain
        boxes = [S.bounding_box()]
        crown = BackwardPass(graph, S, boxes, Adaptive(), outward=outward)
        for index in range(1, len(graph.shapes)):
            boxes.append(forward_box(graph, S, boxes, outward=outward))
            if index in graph.relaxed and index not in graph.mixed_once:
                box = tightened(crown, index, self.bytes(S), graph.loose(index, boxes[index]))
                improve = self.one_by_one if len(graph.shapes[index]) == 1 else self.together
                boxes[index] = improve(graph, S, boxes, box, outward).intersect(plain[index])
        return boxes

    def one_by_one(self, graph: FrozenGraph, S: CertifiableSet, boxes: list[Box], box: Box, outward: bool) -> Box:
        """Return a value's box, either side of each relaxed neuron bounded through lines of its own."""
        index = len(boxes) - 1
        nearer = torch.where(box.center > 0, 1.0, -1.0).to(box.lower)
        for signs in (nearer, -nearer):  # the nearer side shows some neurons to need no relaxation
            owner, neuron = graph.loose(index, box).nonzero(as_tuple=True)
            if not len(owner):
                return box
            sign, found = signs[owner, neuron], []
            for own, place, way in zip(*(t.split(self.limit(graph, S)) for t in (owner, neuron, sign)), strict=True):
                rows = torch.zeros_like(nearer[own]).scatter_(1, place[:, None], way[:, None])
                found.append(self.best(graph, S.select(own), selected(boxes, own), index, rows, outward=outward))
            near = torch.cat(found)
            bounds = sides(sign, near, torch.full_like(near, -torch.inf))
            box = box.intersect(replaced(box, owner, neuron, *bounds))
        return box

    def together(self, graph: FrozenGraph, S: CertifiableSet, boxes: list[Box], box: Box, outward: bool) -> Box:
        """Return a value's box, its relaxed neurons bounded through lines that those of an example share."""
        loose, lower, upper = graph.loose(len(boxes) - 1, box), [], []
        for group in grouped(loose.flatten(1).sum(1).tolist(), self.limit(graph, S)):
            examples = torch.arange(group.start, group.stop, device=S.start.device)
            best = self.jointly(graph, S.select(examples), selected(boxes, examples), loose[group], outward)
            lower.append(best.lower)
            upper.append(best.upper)
        return box.intersect(Box(torch.cat(lower), torch.cat(upper)))

    def jointly(self, graph: FrozenGraph, S: CertifiableSet, boxes: list[Box], wanted: Tensor, outward: bool) -> Box:
        """Return the last box, its wanted neurons bounded through the best lines for all those of an example."""
        index = len(boxes) - 1

        def bounded(slopes: Slopes) -> Box:
            return tightened(BackwardPass(graph, S, boxes, slopes, outward=outward), index, self.bytes(S), wanted)

        def worth(slopes: Slopes) -> Float[Tensor, "b"]:
            tight = bounded(slopes)
            counts = graph.loose(index, tight) & tight.radius.isfinite()
            return -torch.where(counts, tight.radius, 0).flatten(1).sum(1)

        return bounded(Climb(self.iterations, self.rate, self.decay).best(graph, boxes, index, worth))

    def best(
        self,
        graph: FrozenGraph,
        S: CertifiableSet,
        boxes: list[Box],
        at: int,
        values: Float[Tensor, "r ..."],
        constant: Float[Tensor, "r"] | None = None,
        *,
        outward: bool,
    ) -> Float[Tensor, "r"]:
        """Return lower bounds of rows of a value, each of an example of its own, through the best lines of each."""
        rows = Rows(values, torch.arange(len(values), device=values.device))

        def worth(slopes: Slopes) -> Float[Tensor, "r"]:
            return BackwardPass(graph, S, boxes, slopes, outward=outward).lower(rows, at, constant)

        return worth(Climb(self.iterations, self.rate, self.decay).best(graph, boxes, at, worth))

    def bytes(self, S: CertifiableSet) -> int:
        """Return the budget on the device of a set."""
        return memory_budget(self.budget, S.start.device, 2**28)

    def limit(self, graph: FrozenGraph, S: CertifiableSet) -> int:
        """Return how many rows fit into the budget at once, with everything that their gradients need."""
        return max(1, self.bytes(S) // (4 * sum(map(prod, graph.shapes)) * S.start.element_size()))
