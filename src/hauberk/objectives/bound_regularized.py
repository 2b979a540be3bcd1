"""Penalties on bounds, added to an objective that computes none."""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.derived_objective import DerivedObjective
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress


@dataclass(frozen=True)
class BoundRegularized(DerivedObjective):
    """Another objective, plus penalties computed from the boxes of all values over the threat's sets.

    With `Adversarial` and `regularizers.ReLUStability` it is training for ReLU stability. The boxes take a separate
    clean pass, whose statistics batch norms use in them.

    Args:
        objective: the objective to minimise along with the penalties.
        bounder: gives the boxes that they read; published: intervals.
        regularizers: the penalties.

    Source: Xiao et al. 2019.
    """

    objective: Objective
    bounder: Bounder
    regularizers: list[BoundRegularizer]

    @property
    def needs_graph(self) -> bool:
        return True

    def __call__(
        self,
        network: nn.Module | Graph,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        threat: ThreatModel,
        *,
        progress: Progress,
        noise: Noise,
    ) -> ObjectiveValue:
        seen = BoundedPass.of(network, x, y, threat)  # first: it moves statistics that later passes of batch norms keep
        value = self.objective(network, x, y, threat, progress=progress, noise=noise.fold(0))
        boxes = self.bounder.boxes(seen.graph, seen.S, outward=False, noise=noise.fold(1))
        terms = {type(each).__name__: each(seen.graph, boxes, progress) for each in self.regularizers}
        loss = sum(terms.values(), start=value.loss)
        return replace(value, loss=loss, correct=seen.correct, parts=value.parts | terms)
