"""Adversarial training with any attack."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import Attack
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress


@dataclass(frozen=True)
class Adversarial(Objective):
    """The loss at the answers of an attack; it does not look at clean examples.

    The attack sees the network in the mode that training left it in, so batch norm normalises each of its passes by the
    batch at hand; the running statistics move with the attack's passes too, as in the published fast training.

    Source: Madry et al. 2018.
    """

    attack: Attack
    loss: AdversarialLoss
    measure = "attacked"

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
        S = threat.at(x)
        z = self.attack(network, S, y, noise=noise)
        logits = network(S.decode(z).detach())
        return ObjectiveValue(self.loss(logits, y).mean(), None, logits.argmax(1) == y)
