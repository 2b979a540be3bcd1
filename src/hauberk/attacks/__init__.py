"""Attacks."""

from hauberk.attacks.fgsm import FGSM
from hauberk.attacks.pgd import PGD
from hauberk.attacks.restarts import Restarts

__all__ = ["FGSM", "PGD", "Restarts"]
