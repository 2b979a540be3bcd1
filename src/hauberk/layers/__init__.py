"""Layers that torch lacks."""

from hauberk.layers.binarize import Binarize, Binarized
from hauberk.layers.logit_scale import LogitScale
from hauberk.layers.lp_distance import LpDistance, LpDistance2d
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.normalize import Normalize, Normalized
from hauberk.layers.perceptual_features import Features
from hauberk.layers.pretrained import Pretrained
from hauberk.layers.scaled_linear import ScaledLinear
from hauberk.layers.sort_distance import SortDistance

__all__ = [
    "Binarize",
    "Binarized",
    "Features",
    "LogitScale",
    "LpDistance",
    "LpDistance2d",
    "MeanShift",
    "Normalize",
    "Normalized",
    "Pretrained",
    "ScaledLinear",
    "SortDistance",
]
