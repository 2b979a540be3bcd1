"""Layers that are no part of torch."""

from hauberk.layers.normalize import Normalize

__all__ = ["Normalize"]
