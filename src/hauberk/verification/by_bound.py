"""Verification by bounds."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError


@dataclass(frozen=True)
class ByBound(Verifier):
    """Proves what a bounder's lower bounds prove, with outward rounding: sound, not complete.

    Deterministic, but for bounders with a probability of `failure`, whose certificates have confidence 1 - failure.

    Args:
        bounder: one that certifies.
        float64: Whether to bound in double precision. The certificate then speaks of the network in exact arithmetic,
            with the parameters that it has, and no longer of its execution in its own precision. Bounders with a
            probability of failure always run so: the rounding of random projections is not bounded.
        seed: of what a bounder draws at random; to be chosen without regard to network and inputs.

    Raises:
        InputError: the bounder estimates, and proves nothing.
    """

    bounder: Bounder
    name: str = "bound"
    float64: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.bounder.certifies:
            raise InputError(
                f"{self.bounder} gives estimates for training, which prove nothing: verify with BackwardLinear, "
                "ForwardLinear or, with a probability of failure, HighProbability."
            )

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        if not isinstance(subject, NetworkSubject):
            raise UnsupportedOpError(f"bounds speak of a network, but the subject is a {subject.kind}.")
        if not isinstance(S, CertifiableSet):
            raise UnsupportedSetError(f"{type(S).__name__} has no support function, so no bound can be proven over it.")
        own, failure = S.start.dtype, self.bounder.failure
        widened = torch.float64 if self.float64 or failure else None
        if widened is not None:
            S, spec = S.to(widened), spec.to(widened)
        noise = Noise.of(self.seed, torch.arange(len(S.start), device=S.start.device))
        with torch.no_grad():
            bounds = self.bounder(subject.graph.frozen(widened), S, spec, noise=noise)
        lower = bounds.lower.masked_fill(~runs(bounds.boxes, own)[:, None], -torch.inf)
        return Certificate.from_lower(lower, subject.kind, arithmetic(own, lower.dtype, failure), 1 - failure)


def runs(boxes: Sequence[Box], dtype: torch.dtype) -> Bool[Tensor, "b"]:
    """Return for which examples no value can leave a precision's range: a network that overflows answers nothing."""
    reach = torch.stack([box.magnitude.flatten(1).amax(1) for box in boxes]).amax(0)
    return reach <= torch.finfo(dtype).max


def arithmetic(own: torch.dtype, used: torch.dtype, failure: float) -> str:
    """Return what soundness means for bounds in one precision of a network that runs in another."""
    found = f"{name(used)}, widened outward by its rounding error"
    if failure:
        found += ", but for that of random projections"
    return found if own == used else f"{found}, of the network in exact arithmetic, not as it runs in {name(own)}"


def name(dtype: torch.dtype) -> str:
    """Return how texts call a precision."""
    return str(dtype).removeprefix("torch.")
