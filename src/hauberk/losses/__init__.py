"""Adversarial losses."""

from hauberk.losses.cross_entropy import CrossEntropy
from hauberk.losses.dlr import DLR
from hauberk.losses.fallback import Fallback
from hauberk.losses.hinge import Hinge
from hauberk.losses.margin import Margin

__all__ = ["DLR", "CrossEntropy", "Fallback", "Hinge", "Margin"]
