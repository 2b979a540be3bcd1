"""Cross-entropy and clipped hinges, for networks that are Lipschitz by construction."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.lipschitz_margin import threshold, withstood
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss, lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError
from hauberk.layers.logit_scale import LogitScale


@dataclass(frozen=True)
class ScaledMargin(Objective):
    """clean_weight * loss(s * logits) + mean clamp(1 - margin / threshold, 0, 1), with a learnable factor s.

    The hinge is clipped where an example is misclassified, which is left to the clean loss; that one fades as training
    goes on. The threshold is twice the radius, in units of the input: `Normalize` layers are allowed for.

    Args:
        loss: the clean loss, cross-entropy in the paper.
        clean_weight: the weight of the clean loss, over training; a `Geometric` one in the paper.

    Raises:
        InputError: when called: the network has no `LogitScale`, or the threat's radius is 0.
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
        if isinstance(margin, float) and not margin:
            raise InputError("ScaledMargin divides by the radius, which is 0: keep it constant, as the paper does.")
        clean = self.loss(scale_of(network) * logits, y).mean()
        hinge = (1 + lead(logits, y) / margin).clamp(0, 1).mean()
        parts = {"clean": clean, "hinge": hinge}
        total = self.clean_weight(progress) * clean + hinge
        return ObjectiveValue(total, logits.argmax(1) == y, withstood(logits, y, margin), parts)


def scale_of(network: nn.Module | Graph) -> Float[Tensor, ""]:
    """Return the factor of the network's `LogitScale`.

    Raises:
        InputError: it has none.
    """
    for part in (network.module if isinstance(network, Graph) else network).modules():
        if isinstance(part, LogitScale):
            return part.factor
    raise InputError("ScaledMargin learns a factor: put a LogitScale last, nn.Sequential(network, LogitScale()).")
