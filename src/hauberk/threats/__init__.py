"""Threat models: what an adversary may do."""

from hauberk.threats.linf_ball import LinfBall

__all__ = ["LinfBall"]
