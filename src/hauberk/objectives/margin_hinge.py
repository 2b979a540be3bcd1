"""Hinges of margins, for networks that are Lipschitz by construction."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.lipschitz_margin import threshold, withstood
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.ranges import Share


@dataclass(frozen=True)
class MarginHinge(Objective):
    """The hinge of the worst margin, and of all of them, against a threshold of twice the radius.

    With M_j = g_j - g_y + threshold for wrong classes j, and 0 for the label: worst_weight * mean_b max_j [M_j]_+ +
    (1 - worst_weight) * mean_bj [M_j]_+. Radii are in units of the input: `Normalize` layers are allowed for. It equals
    the hinge of interval bounds logits +- radius; train with a larger radius than the one to certify.

    Args:
        worst_weight: the weight of the worst class, in [0, 1].

    Raises:
        InputError: worst_weight is out of range.
        UnsupportedSetError: when called with a threat that is no l_inf ball.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.objectives import MarginHinge
        >>> from hauberk.threats import LinfBall
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> value = MarginHinge(worst_weight=1)(nn.Identity(), x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 3), value.robust.tolist()
        (0.05, [True, False])

    Source: Zhang et al. 2021, and the released code.
    """

    worst_weight: Share = 0.75
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
        shift = margin[:, None] if isinstance(margin, Tensor) else margin
        missing = (logits - logits.gather(1, y[:, None]) + shift).clamp(min=0).scatter(1, y[:, None], 0)
        loss = self.worst_weight * missing.amax(1).mean() + (1 - self.worst_weight) * missing.mean()
        return ObjectiveValue(loss, logits.argmax(1) == y, withstood(network, logits, y, margin))
