"""Evaluation: network x threat x attacks x verifiers -> records."""

from hauberk.evaluation.adversary import Adversary
from hauberk.evaluation.curve import Curve
from hauberk.evaluation.evaluator import Evaluator

__all__ = ["Adversary", "Curve", "Evaluator"]
