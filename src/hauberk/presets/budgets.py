"""Attacks and verifiers for a given time."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.attacks import PGD, Lagrangian, Restarts
from hauberk.bounds import BackwardLinear, Interval, OptimizedLinear
from hauberk.concepts.attack import Attack, Network, misclassified
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError
from hauberk.losses import Margin
from hauberk.presets.ensembles import AutoAttack, Ensemble, ensemble
from hauberk.presets.semantic import PPGD, JPEGAscent, ReColorAdv, StAdv
from hauberk.ranges import Positive
from hauberk.searches.combination import Parts
from hauberk.searches.turns import Stage, take_turns
from hauberk.sets.colour_set import ColourSet
from hauberk.sets.flow_set import FlowSet
from hauberk.sets.jpeg_set import JPEGSet
from hauberk.sets.perceptual_set import PerceptualSet
from hauberk.sets.union_set import members_of
from hauberk.verification import ByBound, MixedInteger, Portfolio

FIRST = PGD(Margin(), steps=20, step=0.125)
"""The attack that every example meets first: it breaks most of those that can be broken at all."""


def prove(minutes: float) -> Portfolio:
    """Return verifiers for networks of any kind, cheap ones first, within a given time.

    Intervals, CROWN-IBP, CROWN, alpha-CROWN with CROWN's hidden bounds and with its own, and a mixed-integer program:
    each on what is left undecided, and none that would not be through with an example in time.

    Args:
        minutes: the time for all examples of a call together.

    Raises:
        InputError: minutes is not positive.
    """
    seconds = in_seconds(minutes)
    stages = [
        ByBound(Interval(), "interval"),
        ByBound(BackwardLinear(Interval()), "CROWN-IBP"),
        ByBound(BackwardLinear(), "CROWN"),
        ByBound(OptimizedLinear(intermediate=BackwardLinear()), "alpha-CROWN over CROWN"),
        ByBound(OptimizedLinear(), "alpha-CROWN"),
        MixedInteger(BackwardLinear(), max(1.0, seconds / 20), "mixed integer"),
    ]
    return Portfolio(stages, seconds)


def break_(minutes: float) -> "Campaign":
    """Return attacks on sets of any kind, those that break most per second first, within a given time.

    Args:
        minutes: the time for all examples of a call together.

    Raises:
        InputError: minutes is not positive.
    """
    return Campaign(in_seconds(minutes))


def in_seconds(minutes: float) -> float:
    """Return a positive number of minutes in seconds.

    Raises:
        InputError: it is no such number.
    """
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes < float("inf"):
        raise InputError(f"minutes must be a positive number, but is {minutes!r}.")
    return 60.0 * minutes


@dataclass(frozen=True)
class Campaign(Attack):
    """Attacks in turn within a given time, each on the examples that are left unbroken by those before it.

    Every attack begins with one example, which shows how many more fit into its share of the time. Which ones there are
    depends on the set, see `attacks_on`. How many examples are broken depends on the machine.

    Args:
        seconds: the time for all examples of a call together.
    """

    seconds: Positive

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        answer, parts = S.start.clone(), Parts()
        broken = misclassified(network, S, answer, y)

        def stage(name: str, attack: Attack) -> Stage:
            def work(part: Int[Tensor, "s"]) -> bool:
                with parts.trying(name):
                    some = S.select(part)
                    answer[part] = attack(network, some, y[part], noise=noise.select(part))
                    broken[part] = misclassified(network, some, answer[part], y[part])
                return name not in parts.refusals

            return Stage(name, lambda: (~broken).nonzero()[:, 0], work)

        take_turns([stage(name, attack) for name, attack in attacks_on(S).items()], self.seconds)
        parts.settle()
        return answer


def attacks_on(S: PerturbationSet) -> Mapping[str, Attack]:
    """Return the attacks to judge networks by on sets of this kind, those that break most per second first.

    On balls in l_0, l_1, l_2 and l_inf these are Hauberk's own ensemble, and then AutoAttack. On unions the members are
    attacked so. On all others they are the published attack on such sets, and restarts of projected descent.
    """
    if isinstance(S, NormBall):
        whole = {} if S.p == 0 else {"AutoAttack": AutoAttack()}
        return {"PGD-20": FIRST, **ensemble(S.p), **whole}
    if len(members_of(S)) > 1:
        return {"PGD-20": FIRST, "Ensemble": Ensemble(), "AutoAttack": AutoAttack()}
    own = next((attacks for kind, attacks in PUBLISHED.items() if isinstance(S, kind)), {})
    return {"PGD-20": FIRST, **own, "PGD-100 x 5": Restarts(PGD(Margin(), steps=100, step=0.05), 5)}


PUBLISHED: Mapping[type[PerturbationSet], Mapping[str, Attack]] = {
    FlowSet: {"StAdv": StAdv()},
    ColourSet: {"ReColorAdv": ReColorAdv()},
    JPEGSet: {"JPEG-linf": JPEGAscent()},
    PerceptualSet: {"PPGD": PPGD(), "Lagrangian": Lagrangian(Margin())},
}
"""The published attacks on sets that are no balls in a norm."""
