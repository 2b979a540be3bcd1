"""Accuracies on the same examples, as reports read them."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Share:
    """A count of examples, its share, and the share's exact interval.

    Args:
        count: number of examples.
        share: the count divided by the number of all examples.
        low: lower end of the interval.
        high: upper end of the interval.

    Raises:
        ValueError: they are not in order within [0, 1].
    """

    count: int
    share: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.share <= self.high <= 1:  # also refuses NaN
            raise ValueError(f"a share of {self.share} in the interval {self.low} to {self.high} is impossible")


@dataclass(frozen=True)
class Statement:
    """A statement about all certificates at once, where each may be wrong.

    Args:
        confidence: the probability that it is right.
        failures: the number of wrong certificates that it allows for, the same at any radius.
        at_least: the number of examples that are rightly certified.
        equal: the largest number of equal inputs, which are right or wrong together; None if any may be.
    """

    confidence: float
    failures: int
    at_least: int
    equal: int | None = None

    @property
    def sure(self) -> str:
        """Its confidence as text."""
        return sure(self.confidence)

    def sentence(self, things: str) -> str:
        """Return the statement in words, about examples that are called so."""
        verb = "is" if self.at_least == 1 else "are"
        said = f"at least {self.at_least:,} of these {things} {verb} rightly certified, all at once"
        return f"With a confidence of {self.sure}, {said}."


@dataclass(frozen=True)
class Accuracies:
    """Clean, attacked and certified accuracy on the same examples.

    Args:
        examples: number of examples.
        eps: the radius.
        clean: examples that are classified correctly.
        attacked: of these, examples that nothing broke; None if no attack was tried, or none applied.
        certified: of these, examples that are proven; None if no verifier was tried, or none applied.
        not_applicable: the reasons for accuracies that were asked for but not measured.
        statement: a statement about all certificates at once; None if they are certain, or if there are none.

    Raises:
        ValueError: the counts are not in this order.
    """

    examples: int
    eps: float
    clean: Share
    attacked: Share | None
    certified: Share | None
    not_applicable: dict[str, str] = field(default_factory=dict, kw_only=True)
    statement: Statement | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        known = {name: share.count for name in ("certified", "attacked", "clean") if (share := getattr(self, name))}
        counts = [*known.values(), self.examples]
        if counts != sorted(counts):
            said = ", ".join(f"{name} {count}" for name, count in known.items())
            raise ValueError(f"{said} and examples {self.examples} must not decrease in this order")


def sure(confidence: float) -> str:
    """Return a probability close to 1 as text: "99.9 %"; 100 % for 1 alone."""
    digits = 3 + math.ceil(-math.log10(1 - confidence)) if confidence < 1 else 3
    return f"{confidence * 100:.{digits}g} %"
