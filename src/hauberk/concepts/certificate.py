"""Certificates: typed results of proofs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from jaxtyping import Float, Int
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
    """What it speaks of: "network", "smoothed network"."""
    arithmetic: str
    """What sound means here: precision, rounding allowance."""

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
        decided = (self.verdict == Verdict.VERIFIED) | (self.verdict == Verdict.FALSIFIED)
        return replace(
            self,
            verdict=torch.where(decided, self.verdict, other.verdict),
            lower=torch.maximum(self.lower, other.lower),
        )


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
