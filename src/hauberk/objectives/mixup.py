"""Adversarial training on mixtures of two images and their labels."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from scipy.stats import beta
from torch import Tensor, nn

from hauberk.concepts.attack import SteerableAttack
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import ShapeError
from hauberk.ranges import Positive

LEVELS = 4096
"""The number of quantiles of the beta distribution to draw weights from, which a device looks up without the host."""


@dataclass(frozen=True)
class Mixup(Objective):
    """Adversarial training at weighted means of examples and their partners, with the same mean of both labels' losses.

    The weight is drawn from Beta(alpha, alpha) once per batch; an example's partner is the next one in a random order
    of the examples that its process sees. The attack climbs the mixed loss. Neither clean nor robust accuracy is
    counted.

    Args:
        attack: attacks the mixtures; it must keep all examples, whether they are misclassified or not.
        loss: the loss that is averaged over the two labels.
        alpha: the parameter of the beta distribution; small values leave most images nearly unchanged.

    Raises:
        InputError: alpha is not positive.

    Source: Zhang et al. 2018; with attacks: Rice, Wong & Kolter 2020.
    """

    attack: SteerableAttack
    loss: AdversarialLoss
    alpha: Positive = 1.4

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
        place = (noise.fold(0).common.uniform((1,))[0] * LEVELS).long()
        weight = quantiles(self.alpha).to(x)[place]
        order = noise.fold(1).uniform((1,))[:, 0].argsort()
        partner = torch.empty_like(order).scatter(0, order, order.roll(-1))
        mixed = MixedLoss(self.loss, y[partner], weight)
        S = threat.at(weight * x + (1 - weight) * x[partner])
        z = self.attack.climbing(mixed)(network.__call__, S, y, noise=noise.fold(2))
        return ObjectiveValue(mixed(network(S.decode(z).detach()), y).mean(), None)


@dataclass(frozen=True)
class MixedLoss(AdversarialLoss):
    """The weighted mean of the losses for two labels of each example.

    Args:
        loss: the loss for either label.
        other: the second labels.
        weight: the weight of the first label.
    """

    loss: AdversarialLoss
    other: Int[Tensor, "b"]
    weight: Float[Tensor, "1"]

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        if len(logits) != len(self.other):
            raise ShapeError(
                f"{len(self.other)} labels cannot be mixed with those of {len(logits)} examples: the attack must keep "
                "all of them (PGD: stop_when_broken=False)."
            )
        return self.weight * self.loss(logits, y, target) + (1 - self.weight) * self.loss(logits, self.other, target)


@lru_cache(8)
def quantiles(alpha: float) -> Float[Tensor, "levels"]:
    """Return the quantiles of Beta(alpha, alpha) at equally spaced levels."""
    return torch.from_numpy(beta.ppf((torch.arange(LEVELS) + 0.5).numpy() / LEVELS, alpha, alpha))
