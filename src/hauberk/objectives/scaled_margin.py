"""Cross-entropy and clipped hinges, for networks that are Lipschitz by construction."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.lipschitz_margin import threshold, withstood
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss, lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.layers.logit_scale import LogitScale


@dataclass(frozen=True)
class ScaledMargin(Objective):
    """clean_weight * loss(s * logits) + mean clamp(1 - margin / threshold, 0, 1), with a learnable factor s.

    The hinge is clipped where an example is misclassified, which is left to the clean loss; that one fades as training
    goes on. The threshold is twice the radius, in units of the input: `Normalize` layers are allowed for. The factor is
    that of the network's `LogitScale`; without one it is 1.

    Args:
        loss: the clean loss, cross-entropy in the paper.
        clean_weight: the weight of the clean loss, over training; a `Geometric` one in the paper.

    Raises:
        UnsupportedSetError: when called with a threat that is no l_inf ball.

    Source: Zhang et al. 2022 (Boosting the certified robustness of l_infinity distance nets).
    """

    loss: AdversarialLoss
    clean_weight: Schedule
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
        logits, margin = network(x), threshold(network, threat)
        clean = self.loss(scale_of(network) * logits, y).mean()
        hinge = clipped_hinge(lead(logits, y), margin).mean()
        parts = {"clean": clean, "hinge": hinge}
        total = self.clean_weight(progress) * clean + hinge
        return ObjectiveValue(total, logits.argmax(1) == y, withstood(network, logits, y, margin), parts)


def clipped_hinge(ahead: Float[Tensor, "b"], margin: float | Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    """Return clamp(1 + ahead / margin, 0, 1); without a margin, which has no slope, whether an example is ahead."""
    if isinstance(margin, Tensor):
        sloped = (1 + ahead / torch.where(margin > 0, margin, 1)).clamp(0, 1)
        return torch.where(margin > 0, sloped, (ahead >= 0).to(ahead.dtype))
    return (1 + ahead / margin).clamp(0, 1) if margin > 0 else (ahead >= 0).to(ahead.dtype) + 0 * ahead


def scale_of(network: nn.Module | Graph) -> float | Float[Tensor, ""]:
    """Return the factor of the network's `LogitScale`; 1 if it has none."""
    module = network.module if isinstance(network, Graph) else network
    return next((part.factor for part in module.modules() if isinstance(part, LogitScale)), 1.0)
