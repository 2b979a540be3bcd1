"""Proofs that verifiers have found for a batch of examples."""

import json
from collections.abc import Mapping
from math import inf

import polars as pl
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, joined
from hauberk.concepts.rounding import rounded_down
from hauberk.evaluation.radii import Radii


class Proofs:
    """The first verifier to prove each example, the best bounds and radii, and the confidence with which they hold.

    Args:
        y: the labels; their number and device are those of the examples.
    """

    def __init__(self, y: Int[Tensor, "b"]) -> None:
        self.by: list[str | None] = [None] * len(y)
        self.sure = torch.zeros_like(y, dtype=torch.bool)
        self.radii = Radii(y)
        self.seconds: dict[str, float] = {}
        self.not_applicable: dict[str, str] = {}
        self._lower = torch.full_like(y, -inf, dtype=torch.float64)
        self._failure = torch.zeros_like(self._lower)
        self._arithmetic = ""
        self._confidence: dict[str, float] = {}
        self._inherited: dict[str, float] = {}

    def inherit(self, larger: pl.DataFrame, unbroken: list[bool], confidence: Mapping[str, float]) -> None:
        """Take over what records of the same examples prove at a larger radius, unless an attack contradicts it.

        Args:
            larger: the records.
            unbroken: True for examples that nothing broke there.
            confidence: the least probability with which each verifier's results there are right.
        """
        self._inherited |= confidence
        self.radii.inherit(larger)
        for position, (proof, lower) in enumerate(zip(larger["certified_by"], larger["lower"], strict=True)):
            if proof is not None and unbroken[position]:
                self.by[position] = proof
                self._lower[position] = -inf if lower is None else lower

    def note(self, name: str, left: Int[Tensor, "s"], certificate: Certificate, seconds: float) -> None:
        """Record a verifier's certificate for the examples at these positions, which had not been proven before.

        What was tried at a larger radius may have failed there as well, unless the verifier finds radii: then its
        results at all of them are right or wrong together.
        """
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self._arithmetic = joined(self._arithmetic, certificate.arithmetic)
        sure, lower = certificate.confidence == 1, certificate.lower.amin(1).double()
        self._failure[left] += 1 - certificate.confidence
        own, before = 1.0 if sure.all() else 1 - self._failure[left].max().item(), self._inherited.get(name, 1.0)
        least = own - (1 - before) if certificate.radius is None else min(own, before)
        self._confidence[name] = min(least, self._confidence.get(name, 1.0))
        self.radii.note(name, left, certificate)
        self.sure[left] = sure & certificate.verified
        lower = torch.where(certificate.verified | sure, lower, -inf)
        self._lower[left] = torch.maximum(self._lower[left], lower)
        for position in left[certificate.verified].tolist():
            self.by[position] = name

    @property
    def lower(self) -> Float32[Tensor, "b"]:
        """The bounds, rounded down; -inf where nothing is known for sure or proven."""
        return rounded_down(self._lower)

    def facts(self) -> dict[str, str]:
        """Return the metadata of the records' file, which concerns all examples together."""
        return {
            "seconds": json.dumps(self.seconds),
            "not_applicable": json.dumps(self.not_applicable),
            "arithmetic": self._arithmetic,
            "confidence": json.dumps(self._inherited | self._confidence),
        }
