"""Two small instances of each concept that parts are built from, for arguments of that type.

A concept that takes long to enumerate stands here once; leaf classes never do: they are found by walking the package,
and state themselves what else their arguments may be (`examples`).
"""

from typing import Any

from hauberk.attacks import FGSM, PGD, BlendedNoise, RandomMember, SaltAndPepper
from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.objective import Objective
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Schedule
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Adversarial, Certified
from hauberk.schedules import Constant, SmoothRamp
from hauberk.threats import L2Ball, LinfBall
from hauberk.verification import ByBound, MixedInteger

REPRESENTATIVES: dict[type, list[Any]] = {
    Attack: [PGD(Margin(), 3, 0.4, False), FGSM(Margin(), start=RandomMember())],
    MinimumDistanceAttack: [BlendedNoise(20, 5), SaltAndPepper(20)],
    Bounder: [Interval(), BackwardLinear(Interval())],
    Verifier: [ByBound(Interval()), MixedInteger(BackwardLinear(), 0.01)],
    Objective: [Adversarial(FGSM(Margin()), CrossEntropy()), Certified(Interval(), CrossEntropy(), Constant(0.5))],
    ThreatModel: [LinfBall(0.1), L2Ball(0.3)],
    Schedule: [Constant(0.5), SmoothRamp(0.0, 1.0, 0.0, 0.5)],
}


def representatives(kind: type) -> list[Any] | None:
    """Return at most two instances of a type, or None where its concept has none here."""
    for concept, found in REPRESENTATIVES.items():
        if issubclass(kind, concept):
            return [value for value in found if isinstance(value, kind)][:2] or None
    return None
