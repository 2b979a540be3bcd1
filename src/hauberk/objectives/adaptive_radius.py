"""A radius for each training example, as large as the network withstands."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.derived_objective import DerivedObjective
from hauberk.concepts.graph import Graph
from hauberk.concepts.memory import ExampleMemory
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.ranges import PositiveShare, Share


@dataclass(frozen=True)
class AdaptiveRadius(DerivedObjective):
    """Another objective, with each training example at its own share of the threat's radius.

    If an example withstands the objective's attack at its own radius, or is certified by its bound, the share grows by
    `growth`, to at most 1; otherwise it falls by `shrink`, to at least 0. Without gradients, as in validation, every
    example has the whole radius, and no share changes.

    With shrink = 0 and initial = growth radii grow as in customized adversarial training (without its smoothed labels
    and other losses): a radius is raised once the raised one was withstood, and never falls. With shrink = growth they
    move as in instance-adaptive training, which decides by separate trial attacks at the raised radius and at the
    present one; here the attack of the training step decides, and no pass is added.

    Args:
        objective: the objective to minimise; it must report the examples that withstand it.
        growth: the amount added to a share.
        shrink: the amount subtracted from a share.
        initial: the first share of every example.

    Raises:
        InputError: a number is out of range, or the objective does not report the examples that withstand it.

    Sources: Balaji, Goldstein & Hoffman 2019 (instance-adaptive); Cheng et al. 2020 (customized).
    """

    objective: Objective
    growth: PositiveShare = 0.1
    shrink: Share = 0.0
    initial: Share = 0.1
    shares: ExampleMemory = field(default_factory=ExampleMemory, init=False, repr=False, compare=False)

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
        if not torch.is_grad_enabled():
            return self.objective(network, x, y, threat, progress=progress, noise=noise)
        share = self.shares.recall(noise.examples, self.initial)
        value = self.objective(network, x, y, threat.scaled(share), progress=progress, noise=noise)
        robust = value.robust
        if robust is None:
            raise InputError(
                f"AdaptiveRadius cannot tell which examples withstand {type(self.objective).__name__}: give it an "
                "objective that attacks or certifies, say objectives.Adversarial."
            )

        def learn() -> None:
            if value.learned is not None:
                value.learned()
            moved = torch.where(robust, share + self.growth, share - self.shrink)
            self.shares.keep(noise.examples, moved.clamp(0, 1))

        return replace(value, learned=learn)
