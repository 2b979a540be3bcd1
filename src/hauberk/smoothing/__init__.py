"""Randomized smoothing: noise, and procedures that certify what a network answers under it."""

from hauberk.smoothing.fixed_sample import FixedSample
from hauberk.smoothing.gaussian import Gaussian
from hauberk.smoothing.sequential import Sequential
from hauberk.smoothing.uniform import Uniform

__all__ = ["FixedSample", "Gaussian", "Sequential", "Uniform"]
