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
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import backward_boxes
from hauberk.propagation.unit_bounds import margins


@dataclass(frozen=True)
class BackwardLinear(Bounder):
    """Each row is substituted backwards through linear relaxations to the input.

    Bounds of hidden values come from `intermediate`, or, by default, from backward passes of their own for the unstable
    neurons of each example (stable ones need none), intersected with interval bounds.
    `BackwardLinear(Interval())` is CROWN-IBP, `BackwardLinear()` CROWN, `BackwardLinear(slopes=Parallel())` Fast-Lin.

    `budget` is how many bytes the passes may take for their rows, besides the boxes of all values. `frugal` training
    recomputes what hidden bounds went through instead of storing it, at the price of a second pass.

    Sources: Zhang et al. 2018 (CROWN); Weng et al. 2018 (Fast-Lin); Zhang et al. 2020 (CROWN-IBP).
    """

    intermediate: Bounder | None = None
    slopes: Slopes = field(default_factory=Adaptive)
    budget: int = 2**27
    frugal: bool = False
    tightness = Tightness.STABLE

    @staticmethod
    def cases() -> Cases:
        return {"budget": [2**26, 6000]}

    @property
    def certifies(self) -> bool:
        return self.intermediate is None or self.intermediate.certifies

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
        return Bounds(margins(BackwardPass(graph, S, boxes, self.slopes, outward=outward), spec, self.budget), boxes)

    def boxes(
        self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True, noise: Noise | None = None
    ) -> list[Box]:
        if self.intermediate is not None:
            return self.intermediate.boxes(graph, S, outward=outward, noise=noise)
        return backward_boxes(graph, S, self.slopes, self.budget, outward=outward, frugal=self.frugal)
