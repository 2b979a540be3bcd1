"""Attacks with published parameters, and named combinations of them."""

from hauberk.presets.ensembles import AutoAttack, Ensemble, autoattack, ensemble
from hauberk.presets.semantic import LPA, PPGD, JPEGAscent, ReColorAdv, StAdv

__all__ = ["LPA", "PPGD", "AutoAttack", "Ensemble", "JPEGAscent", "ReColorAdv", "StAdv", "autoattack", "ensemble"]
