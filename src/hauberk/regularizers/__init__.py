"""Regularizers of bounds."""

from hauberk.regularizers.fast_ibp import FastIBP

__all__ = ["FastIBP"]
