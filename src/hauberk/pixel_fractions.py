"""Radii as people write them: "8/255" for eight of the 255 steps that a pixel has."""

import re

STEPS = 255
"""The steps between the least and the largest value of a pixel of eight bits."""


def written(eps: float) -> str:
    """Return a radius with up to six digits, or as a fraction of 255 where it is one that these would not tell.

    Example:
        >>> from hauberk.pixel_fractions import written
        >>> written(8 / 255), written(0.1), written(51 / 255)
        ('8/255', '0.1', '0.2')
    """
    short = f"{eps:.6g}"
    steps = round(eps * STEPS)
    return f"{steps}/{STEPS}" if float(short) != eps and steps / STEPS == eps else short


def as_decimals(name: str) -> str:
    """Return a threat's name with its fractions of 255 as decimal numbers, as files of earlier releases have it."""
    return re.sub(rf"\b(\d+)/{STEPS}\b", lambda found: f"{int(found[1]) / STEPS:.6g}", name)
