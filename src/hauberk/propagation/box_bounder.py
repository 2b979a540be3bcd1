"""Bound methods that only push boxes forward."""

from hauberk.concepts.bounder import Bounds
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.memberwise_bounder import MemberwiseBounder


class BoxBounder(MemberwiseBounder):
    """A bounder whose margins come from the boxes before the last affine layers, merged with the specification."""

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, None, outward=outward).margins(spec), boxes)
