"""Signs that make an attacked accuracy doubtful."""

from dataclasses import dataclass

FEWEST = 3
"""The least number of examples that is not put down to chance."""


@dataclass(frozen=True)
class Sign:
    """A reason to doubt the attacked accuracy.

    Args:
        flag: its name.
        evidence: a sentence on what was measured.
        advice: a sentence on what to do about it.
    """

    flag: str
    evidence: str
    advice: str


def notable(count: int, total: int) -> bool:
    """Return whether chance and rounding cannot explain this many examples."""
    return count >= FEWEST and count > 0.02 * total
