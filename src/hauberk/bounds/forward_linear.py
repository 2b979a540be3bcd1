"""Linear bounds carried forward: the dual network of the convex outer polytope on any graph."""

from dataclasses import dataclass

from hauberk.concepts.bounder import Bounds, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_pass import forward_boxes
from hauberk.propagation.generators import AllGenerators
from hauberk.propagation.memberwise_bounder import MemberwiseBounder


@dataclass(frozen=True)
class ForwardLinear(MemberwiseBounder):
    """All hidden bounds in one forward pass; the margins by one backward row each.

    Carries, for each example, one row for every input and for every unstable neuron so far. It needs
    (inputs + unstable neurons) * (widest value) numbers per example, so it suits only small inputs. `BackwardLinear`
    with parallel slopes gives the same bounds with rows for the unstable neurons alone.

    Sources: Wong & Kolter 2018, algorithm 1; Wong et al. 2018, algorithm 2 (AutoDual).
    """

    tightness = Tightness.STABLE

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, Parallel(), outward=outward).margins(spec), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        carrier = AllGenerators(S)
        return forward_boxes(graph, S, carrier, carrier.box, outward=outward)
