"""Ordinary training."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress


@dataclass(frozen=True)
class Natural(Objective):
    """The loss on clean examples: the baseline that every other objective is compared with."""

    loss: AdversarialLoss

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
        logits = network(x)
        return ObjectiveValue(self.loss(logits, y).mean(), logits.argmax(1) == y)
