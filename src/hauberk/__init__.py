"""Adversarial robustness of PyTorch classifiers: training, attacks and proofs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hauberk.smoothed_classifier import smoothed as smoothed

    __version__: str

PUBLIC = {"smoothed": "hauberk.smoothed_classifier"}
"""The names at the top level, and where they live; each is imported when it is first asked for."""

__all__ = ["__version__", "smoothed"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("hauberk")
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
