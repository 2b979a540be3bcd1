"""The summary of an evaluation, as reports read it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Share:
    """A count of examples, its share, and the share's exact interval."""

    count: int
    share: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.share <= self.high <= 1:  # also refuses NaN
            raise ValueError(f"a share of {self.share} in the interval {self.low} to {self.high} is impossible")


@dataclass(frozen=True)
class Accuracies:
    """Clean, attacked and certified accuracy of the same examples."""

    examples: int
    eps: float
    clean: Share
    attacked: Share
    certified: Share

    def __post_init__(self) -> None:
        if not self.certified.count <= self.attacked.count <= self.clean.count <= self.examples:
            raise ValueError(
                f"certified {self.certified.count}, attacked {self.attacked.count}, clean {self.clean.count} and "
                f"examples {self.examples} must not decrease in this order"
            )


@dataclass(frozen=True)
class AttackResult:
    """How many examples an attack was the first to break."""

    name: str
    broken: int
    seconds: float


@dataclass(frozen=True)
class VerifierResult:
    """How many examples a verifier was the first to prove."""

    name: str
    certified: int
    seconds: float
    not_applicable: str | None = None
    """Why it could not be used, if so."""
    confidence: float = 1.0
    """The least probability with which one of its proofs is right."""
    overturned: int = 0
    """How many of its proofs an attack refuted, which only those of confidence below 1 allow."""


@dataclass(frozen=True)
class Summary(Accuracies):
    """What evaluation/summary.json says: the headline accuracies, who found what, and the curve over the radii."""

    subject: str
    threat: str
    confidence: float
    arithmetic: str
    seconds: float
    attacks: list[AttackResult]
    verifiers: list[VerifierResult]
    seed: int | None = None
    curve: list[Accuracies] = field(default_factory=list)
    curve_attack: str = ""

    @property
    def provers(self) -> list[VerifierResult]:
        """The verifiers that were applicable."""
        return [verifier for verifier in self.verifiers if verifier.not_applicable is None]
