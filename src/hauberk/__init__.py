"""Hauberk makes PyTorch classifiers robust to adversarial perturbations, and proves how robust they are."""

from importlib.metadata import version

__version__ = version("hauberk")
