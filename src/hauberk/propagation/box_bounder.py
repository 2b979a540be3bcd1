"""Bound methods that only push boxes forward."""

from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass


class BoxBounder(Bounder):
    """A bounder whose margins come from the boxes before the last affine layers, merged with the specification."""

    def __call__(
        self,
        graph: FrozenGraph,
        S: CertifiableSet,
        spec: LinearSpec,
        *,
        outward: bool = True,
        noise: Noise | None = None,
    ) -> Bounds:
        boxes = self.boxes(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, None, outward=outward).margins(spec), boxes)
