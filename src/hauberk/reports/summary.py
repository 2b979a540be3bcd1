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
    """What an attack did."""

    name: str
    broken: int
    """How many examples it was the first to break."""
    seconds: float
    tried: int = 0
    succeeded: int = 0
    """How many of the tried ones it broke."""
    black_box: bool = False
    minimum_distance: bool = True
    """Whether it looks for the nearest misclassified point rather than any in the set; files that do not say may be of
    either kind."""
    alone: Share | None = None
    """The accuracy that it leaves by itself, where it was tried on every correctly classified example."""
    found: int = 0
    """On how many it found a misclassified point whose distance is known, a member of the set or not."""
    never: int = 0
    """On how many of the tried ones it found no misclassified point."""
    median_distance: float | None = None
    """Of those points, over the examples on which there is one."""
    mean_distance: float | None = None
    not_applicable: str | None = None
    """Why it could not be used, if so."""


@dataclass(frozen=True)
class Sign:
    """A sign of gradient masking: a reason to doubt the attacked accuracy."""

    flag: str
    evidence: str
    advice: str


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
    refuted: int = 0
    """How many examples it broke that no attack before it had."""


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
    every_attack: bool = False
    """Whether every attack was tried on every correctly classified example."""
    masking: list[Sign] | None = None
    """The signs of gradient masking that were found; None where none were looked for."""

    @property
    def attackers(self) -> list[AttackResult]:
        """The attacks that were applicable."""
        return [attack for attack in self.attacks if attack.not_applicable is None]

    @property
    def measures(self) -> list[str]:
        """The accuracies that were looked for: attacked and certified where an attack and a verifier applied."""
        looked = {"clean": True, "attacked": bool(self.attackers), "certified": bool(self.provers)}
        return [measure for measure, tried in looked.items() if tried]

    @property
    def refuted(self) -> int:
        """How many examples verifiers broke that no attack before them had."""
        return sum(verifier.refuted for verifier in self.verifiers)

    @property
    def compared(self) -> bool:
        """Whether each attack has an accuracy of its own."""
        return bool(self.attackers) and all(attack.alone is not None for attack in self.attackers)

    @property
    def measured(self) -> bool:
        """Whether there are distances that say more than the radius does."""
        return any(attack.found and attack.minimum_distance for attack in self.attacks)

    @property
    def provers(self) -> list[VerifierResult]:
        """The verifiers that were applicable."""
        return [verifier for verifier in self.verifiers if verifier.not_applicable is None]
