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
    """The loss on clean examples: the baseline for every other objective.

    Args:
        loss: the loss to minimise.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Natural
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> value = Natural(CrossEntropy())(network, x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 3), value.correct.tolist()
        (0.599, [True, True])
    """

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
