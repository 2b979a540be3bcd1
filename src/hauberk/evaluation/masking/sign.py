"""What makes an attacked accuracy doubtful."""

from dataclasses import dataclass

FEWEST = 3
"""Examples that are more than chance."""


@dataclass(frozen=True)
class Sign:
    """A reason to doubt the attacked accuracy."""

    flag: str
    evidence: str
    advice: str


def notable(count: int, total: int) -> bool:
    """Return whether so many examples are more than chance and rounding explain."""
    return count >= FEWEST and count > 0.02 * total
