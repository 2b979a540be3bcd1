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

    Costs two forward passes (centre and radius), with outward rounding too. Source: Gowal et al. 2018.
    """

    tightness = Tightness.LINEAR

    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        boxes = [S.bounding_box()]
        for _ in graph.nodes:
            boxes.append(forward_box(graph, S, boxes, outward=outward))
        return boxes
