"""Free adversarial training."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.memory import Memory
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.kernels.convolutions import fast_convolutions
from hauberk.ranges import Count, Positive


@dataclass(frozen=True)
class Free(Objective):
    """One backward pass per step, which moves weights and perturbation together; each batch is replayed several times.

    Each position in the batch keeps its perturbation from replay to replay and from batch to batch. The gradient of the
    weights is taken before the perturbation moves. Without gradients, as in validation, the objective is the clean
    loss.

    Args:
        loss: the loss that the weights descend and the perturbation climbs.
        replays: the number of consecutive steps on the same batch. Divide the epochs by it.
        step: the length of the perturbation's step, as a share of the set's radius.

    Raises:
        InputError: replays or step is not positive.

    Source: Shafahi et al. 2019; Wong 2020, Alg. 6.
    """

    loss: AdversarialLoss
    replays: Count = 8
    step: Positive = 1.0
    perturbation: Memory = field(default_factory=Memory, init=False, repr=False, compare=False)
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
        if not torch.is_grad_enabled():
            logits = network(x)
            return ObjectiveValue(self.loss(logits, y).mean(), logits.argmax(1) == y)
        S = threat.at(x)
        offset = self.perturbation.recall(S.start)
        z = S.start if offset is None else S.project(S.start + offset)
        z = z.detach().requires_grad_()
        with fast_convolutions(z, weights=True):
            logits = network(S.decode(z))

        def move() -> None:
            """Move the perturbation along its gradient."""
            gradient = torch.zeros_like(z) if z.grad is None else z.grad
            moved = S.project(S.steepest_step(z.detach(), gradient, self.step * S.radius, noise))
            self.perturbation.keep(moved - S.start)

        return ObjectiveValue(self.loss(logits, y).mean(), None, logits.argmax(1) == y, learned=move)
