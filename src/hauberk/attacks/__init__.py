"""Attacks."""

from hauberk.attacks.carlini_wagner import CarliniWagner
from hauberk.attacks.ddn import DDN
from hauberk.attacks.deepfool import DeepFool
from hauberk.attacks.elastic_net import ElasticNet
from hauberk.attacks.fab import FAB
from hauberk.attacks.fgsm import FGSM
from hauberk.attacks.fmn import FMN
from hauberk.attacks.pgd import PGD
from hauberk.attacks.restarts import Restarts
from hauberk.attacks.within import Within

__all__ = ["DDN", "FAB", "FGSM", "FMN", "PGD", "CarliniWagner", "DeepFool", "ElasticNet", "Restarts", "Within"]
