"""Bound methods."""

from hauberk.bounds.backward_linear import BackwardLinear
from hauberk.bounds.dual_network import DualNetwork
from hauberk.bounds.forward_linear import ForwardLinear
from hauberk.bounds.high_probability import HighProbability
from hauberk.bounds.interval import Interval
from hauberk.bounds.linear_program import LinearProgram
from hauberk.bounds.optimized_linear import OptimizedLinear
from hauberk.bounds.over_box import OverBox
from hauberk.bounds.projected import Projected
from hauberk.bounds.shrunk_interval import ShrunkInterval
from hauberk.concepts.slopes import Adaptive, Parallel

__all__ = [
    "Adaptive",
    "BackwardLinear",
    "DualNetwork",
    "ForwardLinear",
    "HighProbability",
    "Interval",
    "LinearProgram",
    "OptimizedLinear",
    "OverBox",
    "Parallel",
    "Projected",
    "ShrunkInterval",
]
