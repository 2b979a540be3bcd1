"""Training objectives."""

from hauberk.objectives.adversarial import Adversarial
from hauberk.objectives.certified import Certified
from hauberk.objectives.free import Free
from hauberk.objectives.fused import FusedCertified
from hauberk.objectives.natural import Natural
from hauberk.objectives.trades import TRADES

__all__ = ["TRADES", "Adversarial", "Certified", "Free", "FusedCertified", "Natural"]
