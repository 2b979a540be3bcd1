"""Results under adversaries that a network was not trained against, as reports read them."""

from dataclasses import dataclass, field

from hauberk.pixel_fractions import as_decimals
from hauberk.reports.accuracies import Accuracies, Share


@dataclass(frozen=True)
class Faced(Accuracies):
    """The results under one adversary; first the arguments of `Accuracies`.

    Args:
        name: its name.
        threat: the threat's name.
        rest: accuracy where the adversary does nothing: not the clean one if its images differ from the inputs then.
        attacks: the names of its attacks.
        seconds: the time that they took.
        remarks: sentences on those of them that did not apply, as a whole or in part.
    """

    name: str
    threat: str
    rest: Share
    attacks: list[str]
    seconds: float
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Unforeseen:
    """The results under all adversaries.

    Args:
        adversaries: the results under each.
        worst: examples that neither they nor the attacks of the evaluation's own threat broke.
        mean: the mean of the shares that adversaries leave which attacked; None if none did.

    Raises:
        ValueError: the mean is no share, or two adversaries have one name.
    """

    adversaries: list[Faced]
    worst: Share | None
    mean: float | None

    def __post_init__(self) -> None:
        names = [faced.name for faced in self.adversaries]
        if len(set(names)) < len(names) or not 0 <= (self.mean or 0) <= 1:  # also refuses NaN
            raise ValueError(f"adversaries {names} with a mean of {self.mean} are impossible")

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Names and threats, which runs share that are compared in one table."""
        return tuple((faced.name, as_decimals(faced.threat)) for faced in self.adversaries)
