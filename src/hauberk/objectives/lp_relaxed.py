"""Training of l_inf-distance networks through l_p distances of growing p."""

import math
from dataclasses import dataclass, replace

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.bound_training.derived_objective import DerivedObjective
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.layers.lp_distance import LpNeurons
from hauberk.ranges import Share


@dataclass(frozen=True)
class LpRelaxed(DerivedObjective):
    """An objective whose network's distance layers take an exponent p that grows in training and is infinite at last.

    Gradients of l_inf distances reach one weight per neuron and example, those of l_p distances all. p is rounded to
    whole numbers, whose powers cost a third of others'. While p is finite nothing is certified: layers of n inputs are
    Lipschitz with constant n^(1/p) only, and `robust` is None.

    Args:
        objective: the objective.
        p: the finite exponents; a `Geometric` schedule from 8 to 1000 in the papers.
        exact_from: the share of the training run from which p is infinite; mean shifts need some epochs to follow.

    Raises:
        InputError: exact_from lies outside [0, 1].
        UnsupportedOpError: when called: the network has no distance layers.

    Source: Zhang et al. 2021, section 5.
    """

    objective: Objective
    p: Schedule
    exact_from: Share = 0.875

    @staticmethod
    def cases() -> Cases:
        return {"exact_from": [0.0]}

    def covers(self, network: nn.Module | Graph) -> bool:
        return bool(distance_layers_of(network)) and super().covers(network)

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
        exact = progress.step >= self.exact_from * progress.steps
        p = math.inf if exact else self.whole(self.p(progress))
        layers = distance_layers_of(network)
        if not layers:
            raise UnsupportedOpError("LpRelaxed found no distance layers in the network: use its objective alone.")
        for layer in layers:
            layer.relax(p)
        value = self.objective(network, x, y, threat, progress=progress, noise=noise)
        return value if exact else replace(value, robust=None)

    def whole(self, p: float) -> float:
        """Return an exponent rounded to a whole number.

        Raises:
            InputError: it is not finite.
        """
        if not math.isfinite(p):
            raise InputError(f"the schedule of p must be finite, but is {p}: exact_from says when p becomes infinite.")
        return float(max(round(p), 1))


def distance_layers_of(network: nn.Module | Graph) -> list[LpNeurons]:
    """Return the network's distance layers."""
    module = network.module if isinstance(network, Graph) else network
    return [part for part in module.modules() if isinstance(part, LpNeurons)]
