"""Certificates: typed results of proofs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError, SoundnessError


class Verdict(IntEnum):
    """How a proof ended; only VERIFIED is a proof, only FALSIFIED a refutation."""

    UNKNOWN = 0
    VERIFIED = 1
    FALSIFIED = 2
    TIMEOUT = 3
    ERROR = 4


@dataclass(frozen=True)
class Certificate:
    """What was proven about each example of a batch."""

    verdict: Int[Tensor, "b"]
    lower: Float[Tensor, "b k"]
    """A proven lower bound of every row of the specification; -inf where there is none."""
    confidence: Float[Tensor, "b"]
    """1 for deterministic proofs."""
    subject: str
    """What it speaks of: "network", "smoothed network", "cascade"."""
    arithmetic: str
    """What sound means here: precision, rounding allowance."""
    radius: Float[Tensor, "b"] | None = None
    """The largest radius found to be proven, smaller ones included, 0 for none; None where none was looked for."""

    @classmethod
    def from_lower(cls, lower: Float[Tensor, "b k"], subject: str, arithmetic: str) -> "Certificate":
        """Return a deterministic certificate: VERIFIED where every bound is finite and positive, UNKNOWN elsewhere."""
        lower = torch.where(lower.isfinite(), lower, -torch.inf)
        verdict = torch.where((lower > 0).all(1), Verdict.VERIFIED.value, Verdict.UNKNOWN.value)
        return cls(verdict, lower, lower.new_ones(len(lower)), subject, arithmetic)

    @property
    def verified(self) -> Tensor:
        """Which examples are proven, as a mask."""
        return self.verdict == Verdict.VERIFIED

    @property
    def decided(self) -> Tensor:
        """Which examples are proven or refuted, as a mask."""
        return self.verified | (self.verdict == Verdict.FALSIFIED)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "Certificate":
        """Return the certificates of some of the examples."""
        return replace(
            self,
            verdict=self.verdict[index],
            lower=self.lower[index],
            confidence=self.confidence[index],
            radius=None if self.radius is None else self.radius[index],
        )

    def merged(self, other: "Certificate") -> "Certificate":
        """Return the stronger of two deterministic certificates of the same examples and subject.

        Raises:
            InputError: they speak of different subjects.
            SoundnessError: one proves what the other refutes.
        """
        if self.subject != other.subject:
            raise InputError(f"certificates of a {self.subject} and of a {other.subject} cannot be merged.")
        clash = (self.verified & (other.verdict == Verdict.FALSIFIED)) | (
            other.verified & (self.verdict == Verdict.FALSIFIED)
        )
        if clash.any():
            raise SoundnessError(f"proven and refuted at once: examples {clash.nonzero()[:, 0].tolist()} of the batch.")
        radii = [radius for radius in (self.radius, other.radius) if radius is not None]
        return replace(
            self,
            verdict=torch.where(self.decided, self.verdict, other.verdict),
            lower=torch.maximum(self.lower, other.lower),
            arithmetic=joined(self.arithmetic, other.arithmetic),
            radius=torch.stack(radii).amax(0) if radii else None,
        )

    def merged_at(self, index: Int[Tensor, "s"], other: "Certificate") -> "Certificate":
        """Return the stronger of both where `other` speaks of some of the examples only; what it says of radii is left.

        Raises:
            InputError, SoundnessError: as `merged` does.
        """
        dtype = torch.promote_types(self.lower.dtype, other.lower.dtype)  # never rounds a bound up
        whole = replace(
            other,
            verdict=self.verdict.index_copy(0, index, other.verdict),
            lower=self.lower.to(dtype).index_copy(0, index, other.lower.to(dtype)),
            confidence=self.confidence,
            radius=None,
        )
        return self.merged(whole)


def joined(first: str, second: str) -> str:
    """Return two descriptions of arithmetic as one, each part named once."""
    return "; ".join(dict.fromkeys(part for text in (first, second) for part in text.split("; ") if part))


class Verifier(ABC):
    """Tries to prove a specification over a perturbation set."""

    name: str
    """How records call it."""

    @abstractmethod
    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        """Return what could be proven.

        Raises:
            UnsupportedOpError: the subject holds operators that the verifier cannot handle.
            UnsupportedSetError: the set lacks what the verifier needs.
        """
