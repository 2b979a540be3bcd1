"""Bounds over the boxes around sets."""

from dataclasses import dataclass

from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.sets.box_set import BoxSet


@dataclass(frozen=True)
class OverBox(MemberwiseBounder):
    """Another method's bounds over the box around each set.

    They know how far each coordinate moves, and nothing of how coordinates move together: all that intervals of pixels
    can say about a ball in l_2, or about images that transport makes. A baseline for bounds over the sets themselves.

    Args:
        bounder: the method.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear, OverBox
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.threats import L2Ball
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
        >>> x, y = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
        >>> graph, S, spec = capture(network, x).frozen(), L2Ball(0.1).at(x), LinearSpec.margins(y, classes=2)
        >>> own, over = BackwardLinear(), OverBox(BackwardLinear())
        >>> [round(bounder(graph, S, spec).lower.item(), 3) for bounder in (own, over)]
        [3.0, 2.8]
    """

    bounder: Bounder

    @property
    def differentiable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.bounder.differentiable

    @property
    def searches(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.bounder.searches

    def covers(self, graph: FrozenGraph) -> bool:
        return self.bounder.covers(graph)

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        return self.bounder(graph, boxed(S), spec, outward=outward, noise=noise)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        return self.bounder.boxes(graph, boxed(S), outward=outward, noise=noise)


def boxed(S: CertifiableSet) -> BoxSet:
    """Return the boxes around the sets."""
    return BoxSet.filling(S.start, S.bounding_box(), None)
