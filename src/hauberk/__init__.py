"""Adversarial robustness of PyTorch classifiers: training, attacks and proofs."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hauberk.auditing import audit as audit
    from hauberk.questions import attack as attack
    from hauberk.questions import bound as bound
    from hauberk.questions import certify as certify
    from hauberk.smoothed_classifier import smoothed as smoothed

    __version__: str

PUBLIC = {
    "attack": "hauberk.questions",
    "audit": "hauberk.auditing",
    "bound": "hauberk.questions",
    "certify": "hauberk.questions",
    "smoothed": "hauberk.smoothed_classifier",
}
"""The names at the top level, and where they live; each is imported when it is first asked for."""

__all__ = ["__version__", "attack", "audit", "bound", "certify", "smoothed"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("hauberk")
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
