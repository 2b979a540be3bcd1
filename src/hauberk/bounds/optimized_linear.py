"""Linear bounds by backward substitution through optimised relaxations: alpha-CROWN."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.bounder import Bounder, Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Adaptive, Given, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.gradients import gradients
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import forward_box, loose_neurons
from hauberk.propagation.groups import grouped
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.unit_bounds import margins, tightened
from hauberk.ranges import Count, Natural, Positive, PositiveShare


@dataclass(frozen=True)
class OptimizedLinear(MemberwiseBounder):
    """CROWN with lines that projected Adam moves to raise the bounds.

    Every neuron's choice in [0, 1] is free: separately for each row of the specification, and for each hidden value
    that is bounded on the way (shared by the value's neurons). Every iterate is a sound bound, the first one CROWN's,
    and the best of them is kept, so results are never looser than CROWN's. Hidden values are optimised one after the
    other, each given the boxes of those before it, unless `intermediate` bounds them.

    An iteration costs about three passes. Bounds have no gradient.

    Args:
        iterations: the number of Adam steps; 0 is CROWN.
        intermediate: bounds the hidden values, once. None: they are optimised too.
        rate: the size of Adam's first step.
        decay: the factor by which each step is smaller than the one before.
        budget: the approximate number of bytes for the stored passes of a group of examples.

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
    budget: Count = 2**28
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
        passes = 3 * self.iterations + 1
        if self.intermediate is not None:
            return self.intermediate.rows(graph, S, spec) + passes * spec.offset.shape[1]
        return passes * (loose_neurons(graph, S) + spec.offset.shape[1])

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        b, k = spec.offset.shape
        rows = LinearSpec(spec.rows.flatten(0, 1).unsqueeze(1), spec.offset.flatten().unsqueeze(1))
        owner = torch.arange(b, device=spec.rows.device).repeat_interleave(k)
        found = []
        for part in torch.arange(b * k, device=owner.device).split(self.limit(graph, S)):
            own, known, row = S.select(owner[part]), selected(boxes, owner[part]), rows.select(part)

            def bound(
                slopes: Slopes, own: CertifiableSet = own, known: list[Box] = known, row: LinearSpec = row
            ) -> Float[Tensor, "r"]:
                return margins(BackwardPass(graph, own, known, slopes, outward=outward), row, self.budget)[:, 0]

            found.append(self.best(graph, known, len(graph.nodes), bound))
        return Bounds(torch.cat(found).view(b, k), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        if self.intermediate is not None:
            return detached(self.intermediate.boxes(graph, S, outward=outward, noise=noise))
        boxes = [S.bounding_box()]
        for index in range(1, len(graph.shapes)):
            boxes = detached([*boxes, forward_box(graph, S, boxes, outward=outward)])
            if index in graph.relaxed and index not in graph.mixed_once:
                boxes[index] = self.improved(graph, S, boxes, outward)
        return boxes

    def improved(self, graph: FrozenGraph, S: CertifiableSet, boxes: list[Box], outward: bool) -> Box:
        """Return the last box, with its relaxed neurons bounded through the best lines found."""
        index = len(boxes) - 1
        counts = graph.loose(index, boxes[index]).flatten(1).sum(1).tolist()
        found = []
        for group in grouped(counts, self.limit(graph, S)):
            examples = torch.arange(group.start, group.stop, device=S.start.device)
            own, known = S.select(examples), selected(boxes, examples)
            tightest, loose = [known[index]], graph.loose(index, known[index])

            def bound(
                slopes: Slopes,
                own: CertifiableSet = own,
                known: list[Box] = known,
                tightest: list[Box] = tightest,
                loose: Tensor = loose,
            ) -> Float[Tensor, "r"]:
                box = tightened(BackwardPass(graph, own, known, slopes, outward=outward), index, self.budget, loose)
                tightest[0] = tightest[0].intersect(*detached([box]))
                width = (box.upper - box.lower)[loose]
                return -torch.where(width.isfinite(), width, 0)

            self.best(graph, known, index, bound)
            found.append(tightest[0])
        return Box(torch.cat([box.lower for box in found]), torch.cat([box.upper for box in found]))

    def best(
        self, graph: FrozenGraph, boxes: list[Box], at: int, bound: Callable[[Slopes], Tensor]
    ) -> Float[Tensor, "r"]:
        """Return the largest values of a bound over all iterates."""
        with torch.no_grad():
            best = bound(Adaptive())
        lines = {
            index: node.op.relax(boxes[node.inputs[0]]).lower_slope.detach()
            for index, node in enumerate(graph.nodes[:at], start=1)
            if isinstance(node.op, Relaxable)
        }
        choices = {index: slope.nan_to_num(0.5).clamp(0, 1).requires_grad_() for index, slope in lines.items()}
        if not choices or not self.iterations:
            return best
        optimizer = torch.optim.Adam(list(choices.values()), lr=self.rate)
        for iteration in range(self.iterations):
            with gradients():
                value = bound(Given(choices))
                if not value.requires_grad:  # nothing is relaxed
                    return torch.maximum(best, value)
                uphill = torch.autograd.grad(value.sum(), list(choices.values()), allow_unused=True)
            best = torch.maximum(best, value.detach())
            for choice, gradient in zip(choices.values(), uphill, strict=True):
                choice.grad = None if gradient is None else -gradient
            optimizer.param_groups[0]["lr"] = self.rate * self.decay**iteration
            optimizer.step()
            with torch.no_grad():
                for choice in choices.values():
                    choice.nan_to_num_(0.5).clamp_(0, 1)
        with torch.no_grad():
            return torch.maximum(best, bound(Given(choices)))

    def limit(self, graph: FrozenGraph, S: CertifiableSet) -> int:
        """Return how many rows fit into the budget at once, with everything that their gradients need."""
        numbers = 2 * sum(prod(shape) for shape in graph.shapes)
        return max(1, self.budget // (numbers * S.start.element_size()))


def selected(boxes: list[Box], index: Int[Tensor, "s"]) -> list[Box]:
    """Return the boxes of some of the examples."""
    return [Box(box.lower[index], box.upper[index]) for box in boxes]


def detached(boxes: list[Box]) -> list[Box]:
    """Return the boxes as constants."""
    return [Box(box.lower.detach(), box.upper.detach()) for box in boxes]
