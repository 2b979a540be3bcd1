"""Training that makes a network answer alike under all noise."""

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
from hauberk.ranges import NonNegative, Several


@dataclass(frozen=True)
class Consistency(Objective):
    """The loss of noisy copies of each example, plus what they disagree in.

    The disagreement is the mean relative entropy of the copies' mean probabilities to each copy's own; beside it stands
    the entropy of the mean, which keeps it from being met by indecision. One pass over `samples` times the batch; the
    threat does not matter. `correct` is the accuracy under the noise.

    Args:
        noise: the noise, the same as for certification.
        loss: the loss to minimise at the copies.
        weight: the weight of the disagreement; published: 5 to 20, larger for more certified and less clean accuracy.
        entropy: the weight of the entropy of the mean.
        samples: the number of copies of each example.

    Raises:
        InputError: a weight is negative, or there are fewer than two copies, which cannot disagree.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Consistency
        >>> from hauberk.smoothing import Gaussian
        >>> from hauberk.threats import L2Ball
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.9, 0.1], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = Consistency(Gaussian(0.01), CrossEntropy(), entropy=0)
        >>> value = objective(network, x, y, L2Ball(0.1), progress=progress, noise=noise)
        >>> {name: round(part.item(), 1) for name, part in value.parts.items()}
        {'loss': 0.5, 'disagreement': 0.0, 'entropy': 0.0}

    Source: Jeong & Shin 2020.
    """

    noise: SmoothingNoise
    loss: AdversarialLoss
    weight: NonNegative = 10.0
    entropy: NonNegative = 0.5
    samples: Several = 2

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
        copies = x.repeat_interleave(self.samples, 0)
        logits = network(self.noise.added(copies, noise.repeated(self.samples)))
        logs = logits.log_softmax(1).unflatten(0, (len(x), self.samples))
        mean = logs.exp().mean(1).clamp(min=1e-7)
        surprise = -(mean[:, None] * logs).sum(2).mean(1)
        own = -(mean * mean.log()).sum(1)
        parts = {
            "loss": self.loss(logits, y.repeat_interleave(self.samples)).mean(),
            "disagreement": self.weight * (surprise - own).mean(),
            "entropy": self.entropy * own.mean(),
        }
        total = parts["loss"] + parts["disagreement"] + parts["entropy"]
        return ObjectiveValue(total, mean.argmax(1) == y, None, parts)
