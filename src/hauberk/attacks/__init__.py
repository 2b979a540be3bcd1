"""Attacks."""

from hauberk.attacks.apgd import APGD
from hauberk.attacks.average_of import AverageOf
from hauberk.attacks.each_member import EachMember
from hauberk.attacks.fgsm import FGSM
from hauberk.attacks.multi_steepest_descent import MultiSteepestDescent
from hauberk.attacks.pgd import PGD
from hauberk.attacks.restarts import Restarts
from hauberk.attacks.sparse_apgd import SparseAPGD
from hauberk.attacks.strongest import Strongest
from hauberk.attacks.targeted import Targeted
from hauberk.attacks.worst_of import WorstOf
from hauberk.concepts.start import Previous, RandomMember, Unperturbed

__all__ = [
    "APGD",
    "FGSM",
    "PGD",
    "AverageOf",
    "EachMember",
    "MultiSteepestDescent",
    "Previous",
    "RandomMember",
    "Restarts",
    "SparseAPGD",
    "Strongest",
    "Targeted",
    "Unperturbed",
    "WorstOf",
]
