"""Layers that torch lacks."""

from hauberk.layers.normalize import Normalize, Normalized

__all__ = ["Normalize", "Normalized"]
