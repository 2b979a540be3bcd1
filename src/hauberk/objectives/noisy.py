"""Training on noisy examples."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.smoothing_noise import SmoothingNoise


@dataclass(frozen=True)
class Noisy(Objective):
    """The loss of examples under noise, drawn anew at every step: the base network of randomized smoothing.

    One forward pass, like natural training; the threat does not matter. `correct` is the accuracy under the noise, in
    validation, too.

    Args:
        noise: the noise, the same as for certification.
        loss: the loss to minimise.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Noisy
        >>> from hauberk.smoothing import Uniform
        >>> from hauberk.threats import L2Ball
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.9, 0.1], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = Noisy(Uniform(0.01), CrossEntropy())
        >>> value = objective(network, x, y, L2Ball(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 1), value.correct.tolist()
        (0.5, [True, True])

    Source: Cohen et al. 2019.
    """

    noise: SmoothingNoise
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
        logits = network(self.noise.added(x, noise))
        return ObjectiveValue(self.loss(logits, y).mean(), logits.argmax(1) == y)
