"""Proofs that verifiers have found for a batch of examples."""

import json
from math import inf

import polars as pl
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, joined


class Proofs:
    """The first verifier to prove each example, the best lower bounds, and the confidence with which they hold.

    Args:
        y: the labels; their number and device are those of the examples.
    """

    def __init__(self, y: Int[Tensor, "b"]) -> None:
        self.by: list[str | None] = [None] * len(y)
        self.sure = torch.zeros_like(y, dtype=torch.bool)
        self.seconds: dict[str, float] = {}
        self.not_applicable: dict[str, str] = {}
        self._lower = torch.full_like(y, -inf, dtype=torch.float64)
        self._failure = torch.zeros_like(self._lower)
        self._arithmetic = ""
        self._confidence: dict[str, float] = {}

    def inherit(self, larger: pl.DataFrame, unbroken: list[bool]) -> None:
        """Take over what records of the same examples prove at a larger radius, unless an attack contradicts it."""
        for position, (proof, lower) in enumerate(zip(larger["certified_by"], larger["lower"], strict=True)):
            if proof is not None and unbroken[position]:
                self.by[position] = proof
                self._lower[position] = -inf if lower is None else lower

    def note(self, name: str, left: Int[Tensor, "s"], certificate: Certificate, seconds: float) -> None:
        """Record a verifier's certificate for the examples at these positions, which earlier ones had not proven."""
        self.seconds[name] = seconds
        self._arithmetic = joined(self._arithmetic, certificate.arithmetic)
        sure, lower = certificate.confidence == 1, certificate.lower.amin(1).double()
        self._failure[left] += 1 - certificate.confidence
        self._confidence[name] = 1.0 if sure.all() else 1 - self._failure[left].max().item()
        self.sure[left] = sure & certificate.verified
        lower = torch.where(certificate.verified | sure, lower, -inf)
        self._lower[left] = torch.maximum(self._lower[left], lower)
        for position in left[certificate.verified].tolist():
            self.by[position] = name

    @property
    def lower(self) -> Float32[Tensor, "b"]:
        """The bounds, rounded down; -inf where nothing is known for sure or proven."""
        rounded = self._lower.float()
        return torch.where(rounded > self._lower, rounded.nextafter(torch.full_like(rounded, -inf)), rounded)

    def facts(self) -> dict[str, str]:
        """Return the metadata of the records' file, which concerns all examples together."""
        return {
            "seconds": json.dumps(self.seconds),
            "not_applicable": json.dumps(self.not_applicable),
            "arithmetic": self._arithmetic,
            "confidence": json.dumps(self._confidence),
        }
