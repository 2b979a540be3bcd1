"""Margins that withstand a threat, if logits are Lipschitz."""

import math

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import lead
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import UnsupportedSetError
from hauberk.layers.logit_scale import LogitScale
from hauberk.layers.lp_distance import LpNeurons
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.normalize import Normalize
from hauberk.sets.ball_threat import BallThreat

KNOWN = (LpNeurons, MeanShift, Normalize, LogitScale, nn.Flatten, nn.Identity)


def threshold(network: nn.Module | Graph, threat: ThreatModel) -> float | Float[Tensor, "b"]:
    """Return the margin of logits that withstands the threat if each is 1-Lipschitz in l_inf: twice the radius.

    Normalisations within the network stretch the radius by 1 / std.

    Raises:
        UnsupportedSetError: the threat is no l_inf ball.
        InputError: a normalisation has different deviations.
    """
    if not isinstance(threat, BallThreat) or threat.norm != "linf":
        raise UnsupportedSetError(f"{threat.name} is no l_inf ball, in whose norm the networks are Lipschitz.")
    eps: float | Tensor = threat.eps  # pyright: ignore[reportAssignmentType]
    for part in (network.module if isinstance(network, Graph) else network).modules():
        eps = eps / part.deviation if isinstance(part, Normalize) else eps
    return 2 * eps


def withstood(
    network: nn.Module | Graph,
    logits: Float[Tensor, "b classes"],
    y: Int[Tensor, "b"],
    margin: float | Float[Tensor, "b"],
) -> Bool[Tensor, "b"] | None:
    """Return a mask of the examples whose label leads by more than `margin`; None if layers are not 1-Lipschitz."""
    module = network.module if isinstance(network, Graph) else network
    return lead(logits, y) < -margin if lipschitz(leaves(module)) else None


def lipschitz(layers: list[nn.Module]) -> bool:
    """Return whether layers are known to be 1-Lipschitz in l_inf, but for the normalisation that `threshold` counts."""
    finite = any(vars(part.weight)["exponent"] < math.inf for part in layers if isinstance(part, LpNeurons))
    return not finite and all(isinstance(part, KNOWN) for part in layers)


def leaves(module: nn.Module) -> list[nn.Module]:
    """Return a network's layers, in the order of registration."""
    return [part for part in module.modules() if isinstance(part, KNOWN) or not any(True for _ in part.children())]
