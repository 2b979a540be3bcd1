"""Linear bounds by backward substitution: Fast-Lin, CROWN, CROWN-IBP."""

from dataclasses import dataclass, field

from hauberk.concepts.bounder import Bounder, Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import backward_boxes, loose_neurons
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.unit_bounds import margins
from hauberk.ranges import Count


@dataclass(frozen=True)
class BackwardLinear(MemberwiseBounder):
    """Backward substitution of each row through linear relaxations to the input.

    `BackwardLinear(Interval())` is CROWN-IBP, `BackwardLinear()` is CROWN, and `BackwardLinear(slopes=Parallel())` is
    Fast-Lin.

    Args:
        intermediate: bounds the hidden values. None: the unstable neurons of each example get backward passes of their
            own (stable ones need none), intersected with interval bounds.
        slopes: picks the relaxation's lines for unstable neurons.
        budget: the number of bytes that the rows of a pass may take, in addition to the boxes of all values. None: an
            eighth of a CUDA device's free memory; 128 MiB on other devices.
        frugal: whether training recomputes the operations behind hidden bounds instead of storing them, at the cost of
            a second pass.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear, Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
        >>> network[2].weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> x, y = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
        >>> S, spec = LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)
        >>> graph = capture(network, x).frozen()
        >>> [round(bounder(graph, S, spec).lower.item(), 3) for bounder in (Interval(), BackwardLinear(Interval()))]
        [1.4, 1.5]

    Sources: Zhang et al. 2018 (CROWN); Weng et al. 2018 (Fast-Lin); Zhang et al. 2020 (CROWN-IBP).
    """

    intermediate: Bounder | None = None
    slopes: Slopes = field(default_factory=Adaptive)
    budget: Count | None = None
    frugal: bool = False
    tightness = Tightness.STABLE

    @staticmethod
    def cases() -> Cases:
        return {"budget": [2**26, 20_000]}

    @property
    def certifies(self) -> bool:
        return self.intermediate is None or self.intermediate.certifies

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        hidden = loose_neurons(graph, S) if self.intermediate is None else self.intermediate.rows(graph, S, spec)
        return hidden + spec.offset.shape[1]

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes, budget = self.enclose(graph, S, outward=outward, noise=noise), memory_budget(self.budget, S.start.device)
        return Bounds(margins(BackwardPass(graph, S, boxes, self.slopes, outward=outward), spec, budget), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        if self.intermediate is not None:
            return self.intermediate.boxes(graph, S, outward=outward, noise=noise)
        budget = memory_budget(self.budget, S.start.device)
        return backward_boxes(graph, S, self.slopes, budget, outward=outward, frugal=self.frugal)
