"""Training objectives."""

from hauberk.objectives.adversarial import Adversarial
from hauberk.objectives.certified import Certified
from hauberk.objectives.fused import FusedCertified
from hauberk.objectives.natural import Natural

__all__ = ["Adversarial", "Certified", "FusedCertified", "Natural"]
