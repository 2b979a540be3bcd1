"""Training."""

from hauberk.training.averaging import WeightAveraging
from hauberk.training.collapse import CollapseDetector
from hauberk.training.fast_ibp_init import FastIBPInit
from hauberk.training.given_weights import GivenWeights
from hauberk.training.lp_decay import LpDecay
from hauberk.training.plan import Phase
from hauberk.training.robust_loss import RobustLoss
from hauberk.training.scalar_rate import ScalarRate
from hauberk.training.selective_decay import SelectiveDecay
from hauberk.training.trainer import Trainer

__all__ = [
    "CollapseDetector",
    "FastIBPInit",
    "GivenWeights",
    "LpDecay",
    "Phase",
    "RobustLoss",
    "ScalarRate",
    "SelectiveDecay",
    "Trainer",
    "WeightAveraging",
]
