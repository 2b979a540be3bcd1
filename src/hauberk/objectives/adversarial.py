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
    """The loss at an attack's answers; clean examples are not evaluated.

    The attack sees the network in its training mode, so batch norm normalises each of the attack's passes by the batch
    at hand; these passes also move the running statistics, as in the published fast training.

    Args:
        attack: finds the points; PGD should have `stop_when_broken=False`.
        loss: the loss to minimise there.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import PGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Adversarial
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = Adversarial(PGD(CrossEntropy(), steps=8, step=0.25, stop_when_broken=False), CrossEntropy())
        >>> value = objective(network, x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 3), value.robust.tolist()
        (0.694, [True, False])

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
        z = self.attack(network.__call__, S, y, noise=noise)
        logits = network(S.decode(z).detach())
        return ObjectiveValue(self.loss(logits, y).mean(), None, logits.argmax(1) == y)
