"""Training objectives."""

from hauberk.objectives.adaptive_radius import AdaptiveRadius
from hauberk.objectives.adversarial import Adversarial
from hauberk.objectives.certified import Certified
from hauberk.objectives.free import Free
from hauberk.objectives.fused import FusedCertified
from hauberk.objectives.mixup import Mixup
from hauberk.objectives.natural import Natural
from hauberk.objectives.sparse_weights import SparseWeights
from hauberk.objectives.trades import TRADES

__all__ = [
    "TRADES",
    "AdaptiveRadius",
    "Adversarial",
    "Certified",
    "Free",
    "FusedCertified",
    "Mixup",
    "Natural",
    "SparseWeights",
]
