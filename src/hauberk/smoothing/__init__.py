"""Randomized smoothing: noise, and procedures that certify what a network answers under it."""

from hauberk.smoothing.gaussian import Gaussian
from hauberk.smoothing.uniform import Uniform

__all__ = ["Gaussian", "Uniform"]
