"""Certificates from lower bounds."""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Certificate
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.kernels.gradients import ordinary_mode
from hauberk.propagation.faithful import require_faithful


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
        ShapeError: the specification is not one of these examples and the network's logits.
        InputError: a set is empty.
        CaptureError: the network has changed since it was captured.
    """
    if not isinstance(subject, NetworkSubject):
        raise UnsupportedOpError(f"bounds speak of a network, but the subject is a {subject.kind}.")
    require_faithful(subject.graph, S.decode(S.start))
    S = S.cover()
    spec.require_fit(len(S.start), *subject.graph.shapes[-1])
    own, failure = S.start.dtype, bounder.failure
    widened = torch.float64 if float64 or failure else None
    if widened is not None:
        S, spec = S.to(widened), spec.to(widened)
    noise = Noise.of(seed, torch.arange(len(S.start), device=S.start.device))
    with torch.no_grad():
        graph = subject.graph.frozen(widened)
        bounds = bounder(graph, S, spec, noise=noise)
    means = arithmetic(own, bounds.lower.dtype, failure)
    return network_certificate(subject, graph, bounds.boxes, own, spec, bounds.lower, means, 1 - failure)


def network_certificate(
    subject: NetworkSubject,
    graph: FrozenGraph,
    boxes: Sequence[Box],
    own: torch.dtype,
    spec: LinearSpec,
    lower: Float[Tensor, "b k"],
    arithmetic: str,
    confidence: float = 1.0,
) -> Certificate:
    """Return the certificate of a network by lower bounds of its rows.

    Nothing is proven where a value may overflow, or of a row that is not finite.

    Args:
        subject: the network.
        graph: its graph.
        boxes: the boxes of its values.
        own: the precision in which it runs.
        spec: the rows.
        lower: their lower bounds.
        arithmetic: the meaning of soundness.
        confidence: the probability that an example's bounds hold.

    Raises:
        InputError: a set is empty, so that anything would hold on it.
    """
    empty = (boxes[0].lower > boxes[0].upper).flatten(1).any(1)
    if empty.any():
        raise InputError(
            f"the perturbation set of example {int(empty.nonzero()[0, 0])} of the batch is empty: its radius is "
            "negative, or a bound of it lies above another."
        )
    finite = spec.rows.isfinite().all(2) & spec.offset.isfinite()
    lower = lower.masked_fill(~finite | ~runs(graph, boxes, own)[:, None], -torch.inf)
    return Certificate.from_lower(lower, subject.kind, arithmetic, confidence)


def runs(graph: FrozenGraph, boxes: Sequence[Box], dtype: torch.dtype) -> Bool[Tensor, "b"]:
    """Return a mask of the examples for which no value can overflow: a network that overflows predicts no label.

    Neither can a sum on the way to one, in whatever order its terms are added.
    """
    with torch.no_grad():
        sums = (node for node in graph.nodes if isinstance(node.op, Affine) and node.op.roundings)
        terms = [cast(Affine, node.op).terms(*(boxes[i].magnitude for i in node.inputs)) for node in sums]
        sizes = [*terms, *(box.magnitude for box in boxes)]
        reach = torch.stack([size.amax(tuple(range(1, size.ndim))) for size in sizes]).amax(0)
    return reach <= torch.finfo(dtype).max


def arithmetic(own: torch.dtype, used: torch.dtype, failure: float) -> str:
    """Return a description of soundness for bounds in one precision of a network that runs in another."""
    found = f"{name(used)}{' without TF32' if used == torch.float32 else ''}, widened outward by its rounding error"
    if failure:
        found += ", except that of random projections"
    if own == used:
        return found
    return (
        f"{found}, of the network in exact arithmetic, not as it runs in {name(own)}, over all real points of the set "
        f"whose centre, radius and range are numbers in {name(own)}"
    )


def name(dtype: torch.dtype) -> str:
    """Return the name of a precision in texts."""
    return str(dtype).removeprefix("torch.")
