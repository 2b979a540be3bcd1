"""Training."""

from hauberk.training.fast_ibp_init import FastIBPInit
from hauberk.training.trainer import Trainer

__all__ = ["FastIBPInit", "Trainer"]
