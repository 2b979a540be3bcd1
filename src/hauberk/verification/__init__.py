"""Verifiers."""

from hauberk.verification.by_bound import ByBound

__all__ = ["ByBound"]
