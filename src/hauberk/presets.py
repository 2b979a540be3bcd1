"""Well-known combinations by their names."""

from math import inf

from hauberk.attacks import APGD, FAB, Restarts, SparseAPGD, Square, SquareWindows, Strongest, Targeted, Within
from hauberk.concepts.attack import Attack, SteerableAttack
from hauberk.concepts.loss import AdversarialLoss
from hauberk.errors import InputError
from hauberk.losses import DLR, CrossEntropy, Margin

NORMS = (1.0, 2.0, inf)


def autoattack(p: float, version: str = "standard") -> Strongest:
    """Return the AutoAttack of this version: "standard", "plus", or "rand" for networks that draw random numbers.

    Its attacks, their order and their budgets are those of the reference: 100 steps, nine target classes (for l_1 five
    restarts and five classes), 5,000 queries. Our l_1 form of APGD looks at one point more, at its end.

    Args:
        p: of the norm of the balls: 1, 2 or inf.
        version: which one.

    Raises:
        InputError: another norm or version.

    Sources: Croce & Hein 2020; Croce & Hein 2021 (l_1).
    """
    if p not in NORMS:
        raise InputError(f"AutoAttack is defined for p = 1, 2 and inf, but p is {p!r}.")
    pointed = p == 1
    targeted: dict[str, Attack] = {
        "APGD-T": Targeted(apgd(p, DLR()), 5 if pointed else 9),
        "FAB-T": Within(FAB(targets=9)),
    }
    square = {"Square": SquareWindows(Margin()) if p < inf else Square(Margin())}
    if version == "standard":
        return Strongest({"APGD-CE": Restarts(apgd(p, CrossEntropy()), 5 if pointed else 1), **targeted, **square})
    if version == "plus":
        untargeted = {"APGD-CE": Restarts(apgd(p, CrossEntropy()), 5), "APGD-DLR": Restarts(apgd(p, DLR()), 5)}
        return Strongest({**untargeted, "FAB": Within(FAB(targets=0, restarts=5)), **square, **targeted})
    if version == "rand":
        return Strongest({"APGD-CE": apgd(p, CrossEntropy(), 20), "APGD-DLR": apgd(p, DLR(), 20)})
    raise InputError(f'versions of AutoAttack are "standard", "plus" and "rand", but not {version!r}.')


def apgd(p: float, loss: AdversarialLoss, samples: int = 1) -> SteerableAttack:
    """Return the APGD of this norm."""
    return SparseAPGD(loss, samples=samples) if p == 1 else APGD(loss, samples=samples)
