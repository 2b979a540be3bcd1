"""The summary of an evaluation, as reports read it."""

from dataclasses import dataclass, field

from hauberk.reports.accuracies import Accuracies, Share, sure
from hauberk.reports.faced import Unforeseen


@dataclass(frozen=True)
class AttackResult:
    """The results of an attack.

    Args:
        name: its name.
        broken: number of examples that it was the first to break.
        seconds: its time.
        tried: number of examples that it was tried on.
        succeeded: number of tried examples that it broke.
        black_box: True if it uses no gradients.
        minimum_distance: True if it looks for the nearest misclassified point rather than any in the set; files that
            do not say may be of either kind.
        alone: the accuracy that it leaves by itself, if it was tried on every correctly classified example.
        found: number of examples for which it found a misclassified point of known distance, in the set or not.
        never: number of tried examples for which it found no misclassified point.
        median_distance: the median of their distances, where found.
        mean_distance: the mean of their distances, where found.
        not_applicable: the reason why it could not be used, if so.
        remarks: sentences on parts of it that were left out or replaced.
    """

    name: str
    broken: int
    seconds: float
    tried: int = 0
    succeeded: int = 0
    black_box: bool = False
    minimum_distance: bool = True
    alone: Share | None = None
    found: int = 0
    never: int = 0
    median_distance: float | None = None
    mean_distance: float | None = None
    not_applicable: str | None = None
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sign:
    """A sign of gradient masking: a reason to doubt the attacked accuracy.

    Args:
        flag: its name.
        evidence: a sentence on what was measured.
        advice: a sentence on what to do about it.
    """

    flag: str
    evidence: str
    advice: str


@dataclass(frozen=True)
class VerifierResult:
    """The results of a verifier.

    Args:
        name: its name.
        certified: number of examples that it was the first to prove.
        seconds: its time.
        not_applicable: the reason why it could not be used, if so.
        confidence: the least probability with which one of its proofs is right.
        overturned: number of its proofs that an attack refuted, possible only with a confidence below 1.
        refuted: number of examples that it was the first to break.
    """

    name: str
    certified: int
    seconds: float
    not_applicable: str | None = None
    confidence: float = 1.0
    overturned: int = 0
    refuted: int = 0


@dataclass(frozen=True)
class Smoothing:
    """The way in which a network was smoothed.

    Args:
        noise: the noise's name.
        votes: the number of votes for a prediction.
        confidence: the probability with which a prediction is the most likely class.
        attacked: the number of samples that attacks averaged over.
    """

    noise: str
    votes: int
    confidence: float
    attacked: int


@dataclass(frozen=True)
class Rest:
    """The work that was left to an attack or verifier when the time was up.

    Args:
        name: its name.
        examples: number of examples that were left to it.
        seconds: the time that they would take; None if it is not known.
    """

    name: str
    examples: int
    seconds: float | None = None


@dataclass(frozen=True)
class Summary(Accuracies):
    """The content of evaluation/summary.json; first the arguments of `Accuracies`.

    Args:
        subject: the kind of subject that was judged.
        threat: its name.
        confidence: the confidence of the intervals.
        arithmetic: the arithmetic of the proofs.
        seconds: the time of the whole evaluation.
        attacks: the results of each attack.
        verifiers: the results of each verifier.
        seed: the seed of the attacks' noise.
        curve: the accuracies at several radii.
        curve_attack: the names of the curve's attacks.
        curve_remarks: sentences on those of them that did not apply, as a whole or in part.
        every_attack: True if every attack was tried on every correctly classified example.
        masking: the signs of gradient masking that were found; None if there was no search for them.
        norm: the name of the norm of distances and radii; empty if they have none of their own, or it is not known.
        overturned: number of examples that are misclassified where a proof, which may fail, says they are not.
        smoothing: the way in which the network was smoothed; None if it was judged as it is.
        unforeseen: the results under further adversaries; None without any.
        minutes: the time that was given to everything; None if it was not limited.
        offered: number of examples that there were, of which as many were judged as the time allowed; None as above.
        rest: what attacks and verifiers were not through with when the time was up.
    """

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
    curve_remarks: list[str] = field(default_factory=list)
    every_attack: bool = False
    masking: list[Sign] | None = None
    norm: str = ""
    overturned: int = 0
    smoothing: Smoothing | None = None
    unforeseen: Unforeseen | None = None
    minutes: float | None = None
    offered: int | None = None
    rest: list[Rest] = field(default_factory=list)

    @property
    def confidence_of_proofs(self) -> float:
        """The least probability with which a proof is right: 1 if all are certain."""
        return min((verifier.confidence for verifier in self.provers), default=1.0)

    @property
    def who(self) -> str:
        """The subject, with the confidence of proofs that may fail: "smoothed network, confidence 99.9 %"."""
        least = self.confidence_of_proofs
        return self.subject if least == 1 else f"{self.subject}, confidence {sure(least)}"

    @property
    def attackers(self) -> list[AttackResult]:
        """The attacks that were applicable."""
        return [attack for attack in self.attacks if attack.not_applicable is None]

    @property
    def measures(self) -> list[str]:
        """The accuracies that were measured: attacked and certified only if an attack or a verifier applied."""
        tried = {"clean": True, "attacked": self.attackers or self.refuted, "certified": self.provers}
        return [measure for measure, applied in tried.items() if applied and getattr(self, measure)]

    def share(self, measure: str) -> Share | None:
        """Return an accuracy; None if it was not measured."""
        return getattr(self, measure) if measure in self.measures else None

    @property
    def refuted(self) -> int:
        """The number of examples that verifiers were the first to break."""
        return sum(verifier.refuted for verifier in self.verifiers)

    @property
    def compared(self) -> bool:
        """True if each attack has an accuracy of its own."""
        return bool(self.attackers) and all(attack.alone is not None for attack in self.attackers)

    @property
    def measured(self) -> bool:
        """True if there are distances that say more than the radius does."""
        return any(attack.found and attack.minimum_distance for attack in self.attacks)

    @property
    def provers(self) -> list[VerifierResult]:
        """The verifiers that were applicable."""
        return [verifier for verifier in self.verifiers if verifier.not_applicable is None]
