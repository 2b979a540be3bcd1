"""The common base of objectives that train by bounds."""

from abc import abstractmethod
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.concepts.box import Box
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule


@dataclass(frozen=True)
class Robust:
    """The robust part of an objective, before it is weighted against the clean one.

    Args:
        loss: the mean robust loss over the batch.
        withstood: a mask of the examples that count as robust, regardless of the clean logits.
        boxes: bounds of every value of the graph, for regularizers.
        terms: named terms added to the loss besides the clean and the robust part.
    """

    loss: Float[Tensor, ""]
    withstood: Bool[Tensor, "b"]
    boxes: list[Box]
    terms: dict[str, Float[Tensor, ""]] = field(default_factory=dict)


class BoundObjective(Objective):
    """An objective clean_weight * loss(logits) + (1 - clean_weight) * (robust loss) + regularizers, for a `Graph`."""

    loss: AdversarialLoss
    clean_weight: Schedule
    regularizers: list[BoundRegularizer]
    needs_graph = True
    measure = "certified"

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
        seen = BoundedPass.of(network, x, y, threat)
        found = self.robust(seen, progress, noise)
        share = self.clean_weight(progress)
        parts = {"robust": found.loss}
        loss = (1 - share) * found.loss
        if share > 0:
            parts["clean"] = self.loss(seen.logits, y).mean()
            loss = loss + share * parts["clean"]
        terms = {type(each).__name__: each(seen.graph, found.boxes, progress) for each in self.regularizers}
        terms = found.terms | terms
        loss = sum(terms.values(), start=loss)
        correct = seen.correct
        robust = found.withstood if correct is None else correct & found.withstood
        return ObjectiveValue(loss, correct, robust, parts | terms)

    @abstractmethod
    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        """Return the robust part of the objective for the examples of a clean pass."""
