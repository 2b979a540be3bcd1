"""Augmentations of training inputs."""

from hauberk.augmentations.cutout import Cutout
from hauberk.augmentations.flip import Flip
from hauberk.augmentations.in_order import InOrder
from hauberk.augmentations.random_resized_crop import RandomResizedCrop
from hauberk.augmentations.random_shift import RandomShift
from hauberk.augmentations.resize import Resize

__all__ = ["Cutout", "Flip", "InOrder", "RandomResizedCrop", "RandomShift", "Resize"]
