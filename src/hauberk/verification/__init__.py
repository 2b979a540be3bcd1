"""Verifiers and their applications: detection at test time, cascades, the search for the largest radius."""

from hauberk.propagation.prediction import flags
from hauberk.searches.largest_radius import LargestRadius
from hauberk.verification.by_bound import ByBound
from hauberk.verification.cascade import CascadeAnswer, CascadeScore, ModelCascade, remaining, score
from hauberk.verification.detection import Detection, detect
from hauberk.verification.in_order import InOrder
from hauberk.verification.lipschitz_margin import LipschitzMargin
from hauberk.verification.mixed_integer import MixedInteger
from hauberk.verification.portfolio import Portfolio

__all__ = [
    "ByBound",
    "CascadeAnswer",
    "CascadeScore",
    "Detection",
    "InOrder",
    "LargestRadius",
    "LipschitzMargin",
    "MixedInteger",
    "ModelCascade",
    "Portfolio",
    "detect",
    "flags",
    "remaining",
    "score",
]
