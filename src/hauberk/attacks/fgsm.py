"""The fast gradient sign method, for any set."""

from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Positive
from hauberk.searches.start import Origin, Unperturbed


@dataclass(frozen=True)
class FGSM(SteerableAttack):
    """One steepest step, projected onto the set.

    Args:
        loss: the loss to ascend.
        step: the length of the step, in radii of the set.
        start: the point to step from: the unperturbed point, a random one or the last batch's answer.

    Example:
        >>> import torch
        >>> from hauberk.attacks import FGSM
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the first pixel is larger than the second
        ...     return x
        >>> S = LinfBall(0.125).at(torch.tensor([[0.5, 0.25]]))
        >>> FGSM(CrossEntropy())(network, S, torch.tensor([0]), noise=Noise.of(0, torch.arange(1)))
        tensor([[0.3750, 0.3750]])

    Sources: Goodfellow et al. 2015; with other starts: Wong et al. 2020.
    """

    loss: AdversarialLoss
    step: Positive = 1.0
    start: Origin = field(default_factory=Unperturbed)
    steady = True

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        z = self.start(S, noise.fold(0))
        found = ascent(self.loss, network, S, z, y, target)
        z = S.project(S.steepest_step(z, found.gradient, self.step * S.step_unit, noise.fold(1)))
        self.start.remember(S, z)
        return z
