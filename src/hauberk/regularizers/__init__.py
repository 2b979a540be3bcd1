"""Regularizers: penalties on the bounds of a network's values."""

from hauberk.regularizers.fast_ibp import FastIBP
from hauberk.regularizers.relu_stability import ReLUStability

__all__ = ["FastIBP", "ReLUStability"]
