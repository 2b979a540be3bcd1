"""Adversarial robustness of PyTorch classifiers: training, attacks and proofs."""

from importlib.metadata import version

__version__ = version("hauberk")
