"""The balls that a method is defined for, or a refusal that names the methods that apply instead."""

from math import inf

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import UnsupportedSetError


def require_ball(S: PerturbationSet, method: str, p: float | None = None, above: float = -inf) -> NormBall:
    """Return the set if it is a ball (in the l_p norm, or in a norm with an exponent greater than `above`).

    Raises:
        UnsupportedSetError: it is not such a ball; the message names the method, the set and what applies to it.
    """
    if not isinstance(S, NormBall) or (p is not None and S.p != p) or not S.p > above:
        wanted = "any norm" if above == -inf else f"norms above l_{above:g}"
        wanted = wanted if p is None else f"the l_{'inf' if p == inf else f'{p:g}'} norm"
        raise refusal(S, f"{method} is defined for balls in {wanted}{', boxes included' if p in (None, inf) else ''}")
    return S


def require_distance(S: PerturbationSet, method: str) -> MetricBall:
    """Return the set if it measures distances.

    Raises:
        UnsupportedSetError: it does not; the message names the method and the set.
    """
    if not isinstance(S, MetricBall):
        raise refusal(S, f"{method} needs a ball in some distance")
    return S


def refusal(S: PerturbationSet, lack: str) -> UnsupportedSetError:
    """Return the error that a method lacks something in a set; it names the set and the attacks that apply to it."""
    found, instead = f"a {type(S).__name__}", "PGD and UniformNoise apply to any set, EachMember to a union's members"
    if isinstance(S, NormBall):
        found, instead = f"{found} with p = {S.p:g}", f"PGD applies to any set{APPLICABLE.get(S.p, '')}"
    return UnsupportedSetError(f"{lack}, but the perturbation set is {found}: {instead}.")


APPLICABLE = {
    inf: "; APGD, Square, FAB, FMN and DeepFool also to this one",
    2.0: "; APGD, SquareWindows, FAB, FMN, DeepFool, DDN, CarliniWagner and Boundary also to this one",
    1.0: "; SparseAPGD, SquareWindows, FAB, FMN, DeepFool and ElasticNet also to this one",
    0.0: "; FAB with targets, FMN, Pointwise and SaltAndPepper also to this one",
}
"""The attacks to name where another one refuses a ball, by the exponent of its norm."""


def require_range(S: NormBall, method: str) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Return the least and largest valid values.

    Raises:
        UnsupportedSetError: every number is valid; the message names the method.
    """
    low, high = S.limits
    if S.within is None and not (high - low).isfinite().all():
        raise UnsupportedSetError(f"{method} needs a range of valid inputs to draw from: give the threat `within`.")
    return low, high


def require_norm(S: PerturbationSet, method: str) -> NormBall:
    """Return the set if it is a ball in a norm with a dual: any except l_0.

    Raises:
        UnsupportedSetError: it is not such a ball; the message names the method and the set.
    """
    ball = require_ball(S, method)
    if ball.p < 1:
        raise refusal(S, f"{method} needs a dual norm, which all balls but those in l_0 have")
    return ball
