"""Bound methods."""

from hauberk.bounds.backward_linear import BackwardLinear
from hauberk.bounds.interval import Interval

__all__ = ["BackwardLinear", "Interval"]
