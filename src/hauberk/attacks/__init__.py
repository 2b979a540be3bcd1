"""Attacks: searches for misclassified points within a perturbation set, or nearest to an input."""

from hauberk.attacks.adam import Adam
from hauberk.attacks.apgd import APGD
from hauberk.attacks.blended_noise import BlendedNoise
from hauberk.attacks.boundary import Boundary
from hauberk.attacks.carlini_wagner import CarliniWagner
from hauberk.attacks.ddn import DDN
from hauberk.attacks.deepfool import DeepFool
from hauberk.attacks.each_member import EachMember
from hauberk.attacks.elastic_net import ElasticNet
from hauberk.attacks.fab import FAB
from hauberk.attacks.fgsm import FGSM
from hauberk.attacks.fmn import FMN
from hauberk.attacks.lagrangian import Lagrangian
from hauberk.attacks.multi_steepest_descent import MultiSteepestDescent
from hauberk.attacks.near_misses import NearMisses
from hauberk.attacks.ni_fgsm import NIFGSM
from hauberk.attacks.pgd import PGD
from hauberk.attacks.pointwise import Pointwise
from hauberk.attacks.random_noise import GaussianNoise, UniformNoise
from hauberk.attacks.random_of import RandomOf
from hauberk.attacks.restarts import Restarts
from hauberk.attacks.salt_and_pepper import SaltAndPepper
from hauberk.attacks.sparse_apgd import SparseAPGD
from hauberk.attacks.square import Square
from hauberk.attacks.square_windows import SquareWindows
from hauberk.attacks.strongest import Strongest
from hauberk.attacks.targeted import Targeted
from hauberk.attacks.transfer import Transfer
from hauberk.attacks.within import Within
from hauberk.attacks.worst_of import WorstOf
from hauberk.searches.growth import Growth
from hauberk.searches.start import Jittered, Previous, RandomMember, RandomSigns, Uncut, Unperturbed

__all__ = [
    "APGD",
    "DDN",
    "FAB",
    "FGSM",
    "FMN",
    "NIFGSM",
    "PGD",
    "Adam",
    "BlendedNoise",
    "Boundary",
    "CarliniWagner",
    "DeepFool",
    "EachMember",
    "ElasticNet",
    "GaussianNoise",
    "Growth",
    "Jittered",
    "Lagrangian",
    "MultiSteepestDescent",
    "NearMisses",
    "Pointwise",
    "Previous",
    "RandomMember",
    "RandomOf",
    "RandomSigns",
    "Restarts",
    "SaltAndPepper",
    "SparseAPGD",
    "Square",
    "SquareWindows",
    "Strongest",
    "Targeted",
    "Transfer",
    "Uncut",
    "UniformNoise",
    "Unperturbed",
    "Within",
    "WorstOf",
]
