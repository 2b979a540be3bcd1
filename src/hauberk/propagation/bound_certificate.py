"""Certificates from lower bounds."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Certificate
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.kernels.gradients import ordinary_mode


@ordinary_mode()
def bound_certificate(
    bounder: Bounder, subject: Subject, S: PerturbationSet, spec: LinearSpec, *, float64: bool = False, seed: int = 0
) -> Certificate:
    """Return the certificate given by a bounder's lower bounds, widened outward by their rounding errors.

    Args:
        bounder: a bounder that certifies; if its bounds may fail, they are computed in double precision.
        subject: a network, with its graph.
        S: the sets, with support functions.
        spec: the rows that must be positive.
        float64: True to bound in double precision, and so the network in exact arithmetic.
        seed: the seed of the bounder's random numbers.

    Raises:
        UnsupportedOpError: the subject is not a network, or its graph could not be captured.
        UnsupportedSetError: the set has no support function, or none that the bounder can use.
    """
    if not isinstance(subject, NetworkSubject):
        raise UnsupportedOpError(f"bounds speak of a network, but the subject is a {subject.kind}.")
    if not isinstance(S, CertifiableSet):
        raise UnsupportedSetError(f"{type(S).__name__} has no support function, so no bound can be proven over it.")
    own, failure = S.start.dtype, bounder.failure
    widened = torch.float64 if float64 or failure else None
    if widened is not None:
        S, spec = S.to(widened), spec.to(widened)
    noise = Noise.of(seed, torch.arange(len(S.start), device=S.start.device))
    with torch.no_grad():
        bounds = bounder(subject.graph.frozen(widened), S, spec, noise=noise)
    lower = bounds.lower.masked_fill(~runs(bounds.boxes, own)[:, None], -torch.inf)
    return Certificate.from_lower(lower, subject.kind, arithmetic(own, lower.dtype, failure), 1 - failure)


def runs(boxes: Sequence[Box], dtype: torch.dtype) -> Bool[Tensor, "b"]:
    """Return a mask of the examples for which no value can overflow: a network that overflows predicts no label."""
    reach = torch.stack([box.magnitude.flatten(1).amax(1) for box in boxes]).amax(0)
    return reach <= torch.finfo(dtype).max


def arithmetic(own: torch.dtype, used: torch.dtype, failure: float) -> str:
    """Return a description of soundness for bounds in one precision of a network that runs in another."""
    found = f"{name(used)}, widened outward by its rounding error"
    if failure:
        found += ", except that of random projections"
    return found if own == used else f"{found}, of the network in exact arithmetic, not as it runs in {name(own)}"


def name(dtype: torch.dtype) -> str:
    """Return the name of a precision in texts."""
    return str(dtype).removeprefix("torch.")
