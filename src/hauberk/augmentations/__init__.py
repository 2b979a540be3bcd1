"""Augmentations of training inputs."""

from hauberk.augmentations.random_shift import RandomShift

__all__ = ["RandomShift"]
