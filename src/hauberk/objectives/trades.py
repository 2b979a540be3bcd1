"""Adversarial training with a weight that trades accuracy for robustness."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import SteerableAttack
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import ShapeError
from hauberk.kernels.modes import eval_mode
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class TRADES(Objective):
    """The clean loss, plus a multiple of how far an attack moves the network's probabilities from the clean ones.

    The attack climbs the Kullback-Leibler divergence instead of its own loss, on the network in eval mode.

    Args:
        attack: moves the probabilities; it must keep all examples, whether they are misclassified or not.
        loss: the loss of the clean examples.
        beta: the weight of the divergence.

    Raises:
        InputError: beta is negative.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import PGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import TRADES
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = TRADES(PGD(CrossEntropy(), steps=8, step=0.25, stop_when_broken=False), CrossEntropy())
        >>> value = objective(network, x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> sorted(value.parts), round(value.parts["clean"].item(), 3)
        (['clean', 'divergence'], 0.599)

    Source: Zhang et al. 2019.
    """

    attack: SteerableAttack
    loss: AdversarialLoss
    beta: NonNegative = 6.0
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
        S, module = threat.at(x), network.module if isinstance(network, Graph) else network
        with eval_mode(module):
            with torch.no_grad():
                reference = Divergence(network(x).log_softmax(1))
            z = self.attack.climbing(reference)(network, S, y, noise=noise)
        logits, attacked = network(x), network(S.decode(z).detach())
        away = Divergence(logits.log_softmax(1))(attacked, y).mean()
        parts = {"clean": self.loss(logits, y).mean(), "divergence": away}
        robust = attacked.argmax(1) == y
        return ObjectiveValue(parts["clean"] + self.beta * away, logits.argmax(1) == y, robust, parts)


@dataclass(frozen=True)
class Divergence(AdversarialLoss):
    """The Kullback-Leibler divergence of the probabilities from those of a reference, whatever the labels.

    Args:
        reference: the logarithms of the reference's probabilities.
    """

    reference: Float[Tensor, "b classes"]

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        if logits.shape != self.reference.shape:
            raise ShapeError(
                f"the divergence from {len(self.reference)} references cannot be taken on {len(logits)} examples: "
                "the attack must keep all of them (PGD: stop_when_broken=False)."
            )
        return F.kl_div(logits.log_softmax(1), self.reference, reduction="none", log_target=True).sum(1)
