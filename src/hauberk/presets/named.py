"""Threats, attacks and bounds by the names that they go by."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from torch import Tensor

from hauberk.accepted import tensor
from hauberk.attacks import FGSM, PGD, Lagrangian, Restarts
from hauberk.bounds import BackwardLinear, DualNetwork, Interval, OptimizedLinear, Parallel
from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.presets.ensembles import AutoAttack, Ensemble
from hauberk.presets.semantic import PPGD, JPEGAscent, ReColorAdv, StAdv
from hauberk.sets.ball_threat import BallThreat
from hauberk.suggestion import nearest
from hauberk.threats import JPEG, Flow, L0Ball, L1Ball, L2Ball, LinfBall, Recolor

NORMS: Mapping[str, type[BallThreat]] = {
    cls.norm.lower(): cls for cls in (LinfBall, L2Ball, L1Ball, L0Ball, Flow, Recolor, JPEG)
}
"""The threats that a norm, or what stands for one, and a radius describe."""
ATTACKS: Mapping[str, Callable[[], Attack]] = {
    "autoattack": AutoAttack,
    "autoattack-plus": lambda: AutoAttack("plus"),
    "autoattack-rand": lambda: AutoAttack("rand"),
    "ensemble": Ensemble,
    "fgsm": lambda: FGSM(CrossEntropy()),
    "pgd": lambda: Restarts(PGD(Margin(), 50, 0.1), 5),
    "stadv": StAdv,
    "recoloradv": ReColorAdv,
    "jpeg": JPEGAscent,
    "ppgd": PPGD,
    "lagrangian": lambda: Lagrangian(Margin()),
}
"""Attacks with strong or published parameters."""
BOUNDERS: Mapping[str, Callable[[], Bounder]] = {
    "interval": Interval,
    "crown-ibp": lambda: BackwardLinear(Interval()),
    "crown": BackwardLinear,
    "fast-lin": lambda: BackwardLinear(slopes=Parallel()),
    "dual": DualNetwork,
    "alpha-crown": OptimizedLinear,
}
"""Bound methods, from the cheapest to the tightest."""

Radius = float | str | Tensor | np.ndarray | Sequence[float]
"""A number, a fraction as text, or a radius per example."""
Kind = TypeVar("Kind")


def called(what: str, given: object, kind: type[Kind], known: Mapping[str, Callable[[], Kind]]) -> Kind:
    """Return an object that was given, or that its name stands for.

    Raises:
        InputError: it is neither; the message says which names there are.
    """
    if isinstance(given, kind):
        return given
    if isinstance(given, str) and given.lower() in known:
        return known[given.lower()]()
    meant = nearest(given, list(known)) if isinstance(given, str) else ""
    raise InputError(
        f"{what} is one of {', '.join(known)}, or an object of class {kind.__name__}, but is {given!r}{meant}."
    )


def threat_of(
    threat: ThreatModel | None,
    eps: Radius | None,
    norm: str,
    within: tuple[float, float] | None,
) -> ThreatModel:
    """Return the threat that is given, or that a norm, a radius and a range of valid inputs describe.

    Raises:
        InputError: both or neither are given, there is no such norm, or the radius is none.
    """
    if threat is not None:
        if eps is not None:
            raise InputError(f"a threat has its own radius, {threat.name}: give either threat or eps.")
        if not isinstance(threat, ThreatModel):
            raise InputError(f"threat is an object, LinfBall(0.1) say, but is {threat!r:.80}; a name is given as norm.")
        return threat
    if eps is None:
        raise InputError('how large are perturbations? Give eps (eps="8/255", norm="linf"), or a threat.')
    name = norm.lower().replace("_", "") if isinstance(norm, str) else norm
    if not isinstance(name, str) or name not in NORMS:
        meant = nearest(name, list(NORMS)) if isinstance(name, str) else ""
        raise InputError(f"norm is one of {', '.join(NORMS)}, but is {norm!r}{meant}; give other threats as `threat`.")
    one_each = not isinstance(eps, float | int | str | Tensor)
    return NORMS[name](tensor("eps", eps) if one_each else eps, within)
