"""Threat models: the changes that an adversary may make to an input."""

from hauberk.threats.flow import Flow
from hauberk.threats.given_box import GivenBox
from hauberk.threats.jpeg import JPEG
from hauberk.threats.l0_ball import L0Ball
from hauberk.threats.l1_ball import L1Ball
from hauberk.threats.l2_ball import L2Ball
from hauberk.threats.linf_ball import LinfBall
from hauberk.threats.masked_linf_ball import MaskedLinfBall
from hauberk.threats.perceptual import Perceptual
from hauberk.threats.recolor import Recolor
from hauberk.threats.union import Union
from hauberk.threats.wasserstein_ball import WassersteinBall

__all__ = [
    "JPEG",
    "Flow",
    "GivenBox",
    "L0Ball",
    "L1Ball",
    "L2Ball",
    "LinfBall",
    "MaskedLinfBall",
    "Perceptual",
    "Recolor",
    "Union",
    "WassersteinBall",
]
