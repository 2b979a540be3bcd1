"""Certificates: typed results of proofs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject, asking
from hauberk.errors import InputError, SoundnessError
from hauberk.kernels.full_precision import full_precision
from hauberk.ranges import Checked


class Verdict(IntEnum):
    """The outcome of a proof attempt; only VERIFIED is a proof, only FALSIFIED a refutation."""

    UNKNOWN = 0
    VERIFIED = 1
    FALSIFIED = 2
    TIMEOUT = 3
    ERROR = 4


@dataclass(frozen=True)
class Certificate:
    """The proof results for each example of a batch.

    Args:
        verdict: the `Verdict` of each example.
        lower: a proven lower bound of every row of the specification; -inf where there is none.
        confidence: the probability, over the proof's random numbers, that an example's result is right; 1 if certain.
        subject: the kind of subject: "network", "smoothed network", "cascade".
        arithmetic: the meaning of soundness here: precision, rounding allowance.
        radius: the largest radius proven, with all smaller ones; 0 for none. None if no radius was searched for.
        overturned: a mask of the examples whose proof, of confidence below 1, a counterexample refuted; None for none.
        counterexamples: the members at which FALSIFIED examples fail, arbitrary elsewhere; None if none were given.
    """

    verdict: Int[Tensor, "b"]
    lower: Float[Tensor, "b k"]
    confidence: Float[Tensor, "b"]
    subject: str
    arithmetic: str
    radius: Float[Tensor, "b"] | None = None
    overturned: Bool[Tensor, "b"] | None = None
    counterexamples: Float[Tensor, "b *z"] | None = None

    @classmethod
    def from_lower(
        cls, lower: Float[Tensor, "b k"], subject: str, arithmetic: str, confidence: float = 1.0
    ) -> "Certificate":
        """Return a certificate: VERIFIED where every bound is finite and positive, UNKNOWN elsewhere."""
        lower = torch.where(lower.isfinite(), lower, -torch.inf)
        verdict = torch.where((lower > 0).all(1), Verdict.VERIFIED.value, Verdict.UNKNOWN.value)
        confidences = torch.full_like(lower[:, 0], confidence, dtype=torch.float64)
        return cls(verdict, lower, confidences, subject, arithmetic)

    @property
    def verified(self) -> Tensor:
        """A mask of the examples that are proven."""
        return self.verdict == Verdict.VERIFIED

    @property
    def margin(self) -> Float[Tensor, "b"]:
        """The least of an example's lower bounds."""
        return self.lower.amin(1)

    @property
    def decided(self) -> Tensor:
        """A mask of the examples that are proven or refuted."""
        return self.verified | (self.verdict == Verdict.FALSIFIED)

    @property
    def settled(self) -> Tensor:
        """A mask of the examples that are decided with certainty."""
        return self.decided & (self.confidence == 1)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "Certificate":
        """Return the certificates of some of the examples."""
        return replace(
            self,
            verdict=self.verdict[index],
            lower=self.lower[index],
            confidence=self.confidence[index],
            radius=None if self.radius is None else self.radius[index],
            overturned=None if self.overturned is None else self.overturned[index],
            counterexamples=None if self.counterexamples is None else self.counterexamples[index],
        )

    def merged(self, other: "Certificate") -> "Certificate":
        """Return the stronger of two certificates of the same examples and subject.

        Where one settles an example, an uncertain result of the other is dropped. Elsewhere both may contribute to the
        result (the second ran because the first had failed), so their probabilities of being wrong add up.

        Raises:
            InputError: they are about different subjects.
            SoundnessError: one proves with certainty what the other refutes with certainty.
        """
        if self.subject != other.subject:
            raise InputError(f"certificates of a {self.subject} and of a {other.subject} cannot be merged.")
        clash = (self.verified & (other.verdict == Verdict.FALSIFIED)) | (
            other.verified & (self.verdict == Verdict.FALSIFIED)
        )
        bug = clash & (self.confidence == 1) & (other.confidence == 1)
        if bug.any():
            raise SoundnessError(f"proven and refuted at once: examples {bug.nonzero()[:, 0].tolist()} of the batch.")
        first, second = self.beside(other), other.beside(self)
        radii = [one.radius for one in (first, second) if one.radius is not None]
        overturned = [one.overturned for one in (self, other) if one.overturned is not None]
        overturned += [clash] if clash.any() else []
        return replace(
            self,
            verdict=torch.where(first.decided, first.verdict, second.verdict),
            lower=torch.maximum(first.lower, second.lower),
            confidence=first.confidence + second.confidence - 1,
            arithmetic=joined(self.arithmetic, other.arithmetic),
            radius=torch.stack(radii).amax(0) if radii else None,
            overturned=torch.stack(overturned).any(0) if overturned else None,
            counterexamples=shown(first, second),
        )

    def beside(self, other: "Certificate") -> "Certificate":
        """Return this certificate without its uncertain results on examples that the other one settles."""
        drop = other.settled & (self.confidence < 1)
        return replace(
            self,
            verdict=self.verdict.masked_fill(drop, Verdict.UNKNOWN.value),
            lower=self.lower.masked_fill(drop[:, None], -torch.inf),
            confidence=self.confidence.masked_fill(drop, 1),
            radius=None if self.radius is None else self.radius.masked_fill(drop, 0),
        )

    def merged_at(self, index: Int[Tensor, "s"], other: "Certificate") -> "Certificate":
        """Return the certificate merged with `other`, which covers only the examples at `index`; its radii are ignored.

        Raises:
            InputError, SoundnessError: as in `merged`.
        """
        dtype = torch.promote_types(self.lower.dtype, other.lower.dtype)  # never rounds a bound up
        b, k = self.lower.shape
        sure, nowhere = self.confidence.new_ones(b), torch.zeros_like(self.decided)
        points = other.counterexamples
        blank = None if points is None else points.new_zeros(b, *points.shape[1:])
        whole = replace(
            other,
            verdict=self.verdict.masked_fill(self.decided, Verdict.UNKNOWN.value).index_copy(0, index, other.verdict),
            lower=self.lower.new_full((b, k), -torch.inf, dtype=dtype).index_copy(0, index, other.lower.to(dtype)),
            confidence=sure.index_copy(0, index, other.confidence.to(sure)),
            radius=None,
            overturned=None if other.overturned is None else nowhere.index_copy(0, index, other.overturned),
            counterexamples=blank if points is None or blank is None else blank.index_copy(0, index, points),
        )
        return self.merged(whole)


def shown(first: Certificate, second: Certificate) -> Tensor | None:
    """Return the counterexamples of the first certificate where it refutes, elsewhere those of the second."""
    points, others = first.counterexamples, second.counterexamples
    if points is None or others is None:
        return others if points is None else points
    refuted = first.verdict == Verdict.FALSIFIED
    return torch.where(refuted.view(-1, *[1] * (points.dim() - 1)), points, others)


def joined(first: str, second: str) -> str:
    """Return two descriptions of arithmetic as one, each part named once."""
    return "; ".join(dict.fromkeys(part for text in (first, second) for part in text.split("; ") if part))


class Verifier(Checked, ABC):
    """A method that tries to prove a specification over a perturbation set."""

    name: str
    """The verifier's name in records."""
    last: bool = False
    """True if it runs after the attacks, only on undecided examples: it is too expensive for the others."""

    def __init_subclass__(cls, **options: object) -> None:
        """Let every verifier check its arguments, and compute in full precision."""
        super().__init_subclass__(**options)
        cls.__call__ = full_precision()(asking(cls.__call__))

    def covers(self, graph: FrozenGraph) -> bool:
        """Return whether the verifier is defined on a network's graph; on all others it raises UnsupportedOpError."""
        return True

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        """Return about how many rows it pushes through the graph for one example, which foretells its time."""
        return 0.0

    @abstractmethod
    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        """Return the certificate of the specification for the subject.

        Raises:
            UnsupportedOpError: the subject contains operators that the verifier cannot handle.
            UnsupportedSetError: the set lacks what the verifier needs.
        """
