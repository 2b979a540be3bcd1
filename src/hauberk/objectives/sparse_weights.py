"""A penalty on the size of weights, for any objective."""

from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.derived_objective import DerivedObjective
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class SparseWeights(DerivedObjective):
    """Another objective, plus a multiple of the sum of the absolute values of all weights.

    Weights are parameters of two or more dimensions: neither biases nor the scales of normalisations. A penalty on the
    sum of their squares is better left to the optimizer (`training.SelectiveDecay`).

    Args:
        objective: the objective to minimise along with the penalty.
        penalty: the multiple; published: 5e-6.

    Raises:
        InputError: the penalty is negative.

    Source: Rice, Wong & Kolter 2020, whose thesis gives values ten times those that were run.
    """

    objective: Objective
    penalty: NonNegative

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
        value = self.objective(network, x, y, threat, progress=progress, noise=noise)
        module = network.module if isinstance(network, Graph) else network
        size = sum((p.abs().sum() for p in module.parameters() if p.ndim >= 2), start=value.loss.new_zeros(()))
        return replace(
            value, loss=value.loss + self.penalty * size, parts=value.parts | {"weights": self.penalty * size}
        )
