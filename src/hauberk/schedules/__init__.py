"""Schedules of radii, weights and learning rates. Times are shares of the whole training run, in [0, 1].

A schedule is read before a step: at batch i of an epoch the time is (epoch + i / batches) / epochs, so the first step
uses the value at 0. Released code often reads at epoch + (i + 1) / batches: the same values, each one step earlier.
"""

from hauberk.schedules.constant import Constant
from hauberk.schedules.cosine import Cosine
from hauberk.schedules.geometric import Geometric
from hauberk.schedules.piecewise import Piecewise
from hauberk.schedules.smooth_ramp import SmoothRamp
from hauberk.schedules.steps import Steps
from hauberk.schedules.with_radius import WithRadius

__all__ = ["Constant", "Cosine", "Geometric", "Piecewise", "SmoothRamp", "Steps", "WithRadius"]
