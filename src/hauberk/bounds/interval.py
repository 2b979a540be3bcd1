"""Interval bound propagation."""

from dataclasses import dataclass

from hauberk.concepts.bounder import Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.propagation.box_bounder import BoxBounder
from hauberk.propagation.forward_box import forward_box


@dataclass(frozen=True)
class Interval(BoxBounder):
    """Boxes pushed forward through every operator; the specification is merged into the last affine layers.

    Costs two forward passes (centre and radius), with or without outward rounding.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
        >>> network[2].weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> x, y = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
        >>> S, spec = LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)
        >>> bounds = Interval()(capture(network, x).frozen(), S, spec)
        >>> round(bounds.lower.item(), 3)  # over the whole ball, logit 0 exceeds logit 1 by at least this much
        1.4
        >>> len(bounds.boxes)  # input, two hidden values, logits
        4

    Source: Gowal et al. 2018.
    """

    tightness = Tightness.LINEAR

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        boxes = [S.bounding_box()]
        for _ in graph.nodes:
            boxes.append(forward_box(graph, S, boxes, outward=outward))
        return boxes
