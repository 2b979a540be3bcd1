"""Linear bounds carried forward: the dual network of the convex outer polytope on any graph."""

from dataclasses import dataclass

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.propagation.dual_bounder import DualBounder
from hauberk.propagation.dual_boxes import carried_forward


@dataclass(frozen=True)
class ForwardLinear(DualBounder):
    """All hidden bounds in one forward pass; the margins by one backward row each.

    Carries, for each example, one row for every input and for every unstable neuron so far. It needs
    (inputs + unstable neurons) * (widest value) numbers per example, so it suits only small inputs. `BackwardLinear`
    with parallel slopes gives the bounds of `intersect=True` with rows for the unstable neurons alone.

    Args:
        intersect: as in `DualNetwork`.

    Sources: Wong & Kolter 2018, algorithm 1; Wong et al. 2018, algorithm 2 (AutoDual).
    """

    intersect: bool | None = None
    budget = None

    def one_way(self, graph: FrozenGraph, S: CertifiableSet, *, intersect: bool, outward: bool) -> list[Box]:
        return carried_forward(graph, S, intersect=intersect, outward=outward)
