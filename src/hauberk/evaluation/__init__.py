"""Evaluation: network x threat x attacks x verifiers -> records."""

from hauberk.evaluation.evaluator import Curve, Evaluator

__all__ = ["Curve", "Evaluator"]
