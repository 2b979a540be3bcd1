"""Attacks."""

from hauberk.attacks.blended_noise import BlendedNoise
from hauberk.attacks.boundary import Boundary
from hauberk.attacks.fgsm import FGSM
from hauberk.attacks.pgd import PGD
from hauberk.attacks.pointwise import Pointwise
from hauberk.attacks.random_noise import GaussianNoise, UniformNoise
from hauberk.attacks.restarts import Restarts
from hauberk.attacks.salt_and_pepper import SaltAndPepper
from hauberk.attacks.square import Square
from hauberk.attacks.square_windows import SquareWindows
from hauberk.attacks.transfer import Transfer

__all__ = [
    "FGSM",
    "PGD",
    "BlendedNoise",
    "Boundary",
    "GaussianNoise",
    "Pointwise",
    "Restarts",
    "SaltAndPepper",
    "Square",
    "SquareWindows",
    "Transfer",
    "UniformNoise",
]
