"""Adversarial training that attends to misclassified examples."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import Attack
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.kernels.modes import eval_mode
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class MART(Objective):
    """The boosted cross-entropy at an attack's answers, and a divergence that counts where clean answers are unsure.

    Boosted, it also lowers the probability of the most likely wrong class: -log p_y(x') - log(1 - max p_k(x')). To it
    is added beta * KL(p(x) || p(x')) * (1 - p_y(x)). The attack sees the network in eval mode. The published code adds
    0.0001 to 1 - p_k before the logarithm; here the logarithm is exact, from the logits.

    Args:
        attack: finds the points x'; published: ten steps of PGD on the cross-entropy, from a `Jittered` start, with
            `stop_when_broken=False`.
        beta: the weight of the divergence; published: 5 for a ResNet-18 on CIFAR-10. (The paper calls it lambda.)

    Raises:
        InputError: beta is negative.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.attacks import PGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import MART
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = MART(PGD(CrossEntropy(), steps=8, step=0.25, stop_when_broken=False))
        >>> value = objective(network, x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.parts["boosted"].item(), 3), value.robust.tolist()
        (1.389, [True, False])

    Source: Wang et al. 2020.
    """

    attack: Attack
    beta: NonNegative = 5.0
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
            z = self.attack(network, S, y, noise=noise)
        clean, attacked = network(x), network(S.decode(z).detach())
        reference = clean.log_softmax(1)
        away = F.kl_div(attacked.log_softmax(1), reference, reduction="none", log_target=True).sum(1)
        doubt = -torch.expm1(reference.gather(1, y[:, None])[:, 0])
        parts = {"boosted": boosted(attacked, y).mean(), "divergence": (away * doubt).mean()}
        loss = parts["boosted"] + self.beta * parts["divergence"]
        return ObjectiveValue(loss, clean.argmax(1) == y, attacked.argmax(1) == y, parts)


def boosted(logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"]) -> Float[Tensor, "b"]:
    """Return the cross-entropy minus the logarithm of 1 - p of the most likely wrong class."""
    wrong = logits.scatter(1, y[:, None], -torch.inf).argmax(1, keepdim=True)
    others = logits.scatter(1, wrong, -torch.inf).logsumexp(1)
    return F.cross_entropy(logits, y, reduction="none") + logits.logsumexp(1) - others
