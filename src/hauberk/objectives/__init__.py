"""Training objectives."""

from hauberk.objectives.adaptive_radius import AdaptiveRadius
from hauberk.objectives.adversarial import Adversarial
from hauberk.objectives.adversarial_sum import AdversarialSum
from hauberk.objectives.bound_regularized import BoundRegularized
from hauberk.objectives.cc_ibp import CCIBP
from hauberk.objectives.certified import Certified
from hauberk.objectives.consistency import Consistency
from hauberk.objectives.crown_ibp import CROWNIBP
from hauberk.objectives.exp_ibp import EXPIBP
from hauberk.objectives.feature_bounds import FeatureBounds
from hauberk.objectives.free import Free
from hauberk.objectives.fused import FusedCertified
from hauberk.objectives.hamming import Hamming
from hauberk.objectives.heat import HeatSmoothing
from hauberk.objectives.lp_relaxed import LpRelaxed
from hauberk.objectives.margin_hinge import MarginHinge
from hauberk.objectives.mart import MART
from hauberk.objectives.mixup import Mixup
from hauberk.objectives.mtl_ibp import MTLIBP
from hauberk.objectives.natural import Natural
from hauberk.objectives.noisy import Noisy
from hauberk.objectives.sabr import SABR
from hauberk.objectives.scaled_margin import ScaledMargin
from hauberk.objectives.smooth_adversarial import SmoothAdversarial
from hauberk.objectives.sparse_weights import SparseWeights
from hauberk.objectives.staps import STAPS
from hauberk.objectives.taps import TAPS
from hauberk.objectives.tightness import Tightened
from hauberk.objectives.trades import TRADES

__all__ = [
    "CCIBP",
    "CROWNIBP",
    "EXPIBP",
    "MART",
    "MTLIBP",
    "SABR",
    "STAPS",
    "TAPS",
    "TRADES",
    "AdaptiveRadius",
    "Adversarial",
    "AdversarialSum",
    "BoundRegularized",
    "Certified",
    "Consistency",
    "FeatureBounds",
    "Free",
    "FusedCertified",
    "Hamming",
    "HeatSmoothing",
    "LpRelaxed",
    "MarginHinge",
    "Mixup",
    "Natural",
    "Noisy",
    "ScaledMargin",
    "SmoothAdversarial",
    "SparseWeights",
    "Tightened",
]
