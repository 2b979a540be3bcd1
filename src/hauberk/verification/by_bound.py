"""Verification by bounds."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import UnsupportedOpError, UnsupportedSetError


@dataclass(frozen=True)
class ByBound(Verifier):
    """Proves what a bounder's lower bounds prove, with outward rounding: sound, deterministic, not complete."""

    bounder: Bounder
    name: str = "bound"

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        if not isinstance(subject, NetworkSubject):
            raise UnsupportedOpError(f"bounds speak of a network, but the subject is a {subject.kind}.")
        if not isinstance(S, CertifiableSet):
            raise UnsupportedSetError(f"{type(S).__name__} has no support function, so no bound can be proven over it.")
        with torch.no_grad():
            lower: Tensor = self.bounder(subject.graph.frozen(), S, spec).lower
        arithmetic = f"{str(lower.dtype).removeprefix('torch.')}, widened outward by its rounding error"
        return Certificate.from_lower(lower, subject.kind, arithmetic)
