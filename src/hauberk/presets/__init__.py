"""Attacks with published parameters, and named combinations of them; attacks and verifiers for a given time."""

from hauberk.presets.budgets import Campaign, attacks_on, break_, prove
from hauberk.presets.ensembles import AutoAttack, Ensemble, autoattack, ensemble
from hauberk.presets.semantic import LPA, PPGD, JPEGAscent, ReColorAdv, StAdv

__all__ = [
    "LPA",
    "PPGD",
    "AutoAttack",
    "Campaign",
    "Ensemble",
    "JPEGAscent",
    "ReColorAdv",
    "StAdv",
    "attacks_on",
    "autoattack",
    "break_",
    "ensemble",
    "prove",
]
