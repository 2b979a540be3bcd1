"""Layers that are no part of torch."""

from hauberk.layers.normalize import Normalize, Normalized

__all__ = ["Normalize", "Normalized"]
