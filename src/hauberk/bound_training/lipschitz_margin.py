"""Margins that withstand a threat, if logits are Lipschitz."""

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import lead
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import UnsupportedSetError
from hauberk.layers.normalize import Normalize
from hauberk.sets.ball_threat import BallThreat


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
    logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], margin: float | Float[Tensor, "b"]
) -> Bool[Tensor, "b"]:
    """Return a mask of the examples whose label leads every other class by more than `margin`."""
    return lead(logits, y) < -margin
