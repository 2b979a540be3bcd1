"""Verification by Lipschitz constants."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hauberk.concepts.affine import Affine
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph, FrozenNode
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.rounding import neighbours, rounding_factor, underflow
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.sort_distance import SortDistance
from hauberk.propagation.faithful import require_faithful

CHANGING = (MeanShift, SortDistance, nn.modules.batchnorm._BatchNorm)
"""Layers that compute something else in training."""


@dataclass(frozen=True)
class LipschitzMargin(Verifier):
    """Verification by a single pass, for networks whose operators state their Lipschitz constants in the l_inf norm.

    Logits of l_inf-distance networks are 1-Lipschitz at p = inf, so that no logit overtakes the label's within a radius
    of half the margin. Constants multiply: a normalisation with one std for all channels divides the radius by it; one
    std per channel is refused, as are finite p. From the margin is subtracted what rounding may do to it, here and in
    the network's run at any point of the set. Any set with a support function is covered by the l_inf ball around it.

    For l_inf balls the certificate holds the largest radius proven, margin / (2 * constant), in units of the input.

    Args:
        name: the verifier's name in records.

    Example:
        >>> import torch
        >>> from hauberk.architectures import LinfDistNet
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.concepts.subject import NetworkSubject
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import LipschitzMargin
        >>> network = LinfDistNet((2,), classes=2, hidden=[]).eval()
        >>> network[0].weight.data = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        >>> x, y = torch.tensor([[0.1, 0.2], [0.4, 0.5]]), torch.tensor([0, 0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> certificate = LipschitzMargin()(subject, LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2))
        >>> certificate.verified.tolist(), [round(r, 4) for r in certificate.radius.tolist()]
        ([True, False], [0.35, 0.05])

    Source: Zhang et al. 2021, proposition 3.1.
    """

    name: str = "Lipschitz margin"

    def covers(self, graph: FrozenGraph) -> bool:
        return all(fault(node) is None for node in graph.nodes)

    @torch.no_grad()
    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        if not isinstance(subject, NetworkSubject):
            raise UnsupportedOpError(f"Lipschitz constants speak of a network, but the subject is a {subject.kind}.")
        require_faithful(subject.graph, S.decode(S.start))
        own, S = S, S.cover()
        graph = subject.graph.frozen()
        spec.require_fit(len(S.start), *graph.shapes[-1])
        require_constants(subject, graph)
        dtype, slack = S.start.dtype, 4 * torch.finfo(S.start.dtype).eps
        distance = reach(S) * (1 + slack)
        room, slope = margin(graph, S, spec, distance)
        lower = (room - slope * distance[:, None].double()).to(dtype)
        means = f"{str(dtype).removeprefix('torch.')}, less the rounding errors of margins"
        found = Certificate.from_lower(neighbours(lower, -math.inf), subject.kind, means)
        if own is not S or not isinstance(S, NormBall) or S.p != math.inf:
            return found  # the distance is not the set's own
        radius = torch.zeros_like(S.radius)
        for _ in range(2):  # rounding errors grow with the radius: those at the first, too large one cover the second
            room, slope = margin(graph, S, spec, radius)
            radius = (room / slope.clamp(min=torch.finfo(dtype).tiny)).amin(1) * (1 - 4 * slack)
            radius = radius.clamp(0, torch.finfo(dtype).max).to(dtype)
        return replace(found, radius=torch.where(found.verified, torch.maximum(radius, S.radius), radius))


def require_constants(subject: NetworkSubject, graph: FrozenGraph) -> None:
    """Raise unless every operator has a Lipschitz constant.

    Raises:
        UnsupportedOpError: one has none; the message names all of them, and why.
        InputError: a layer is in training mode.
    """
    if faults := [reason for node in graph.nodes if (reason := fault(node)) is not None]:
        raise UnsupportedOpError("LipschitzMargin knows no constant of " + "; ".join(faults))
    if any(part.training for part in subject.module.modules() if isinstance(part, CHANGING)):
        raise InputError("what changes with every batch certifies nothing: call network.eval() first.")


def reach(S: CertifiableSet) -> Float[Tensor, "b"]:
    """Return the largest l_inf distance of a set's members from its unperturbed point.

    Raises:
        InputError: a set is empty.
    """
    box = S.bounding_box()
    if (box.lower > box.upper).any():
        raise InputError("the perturbation set of an example of the batch is empty: its radius is negative.")
    return torch.maximum(box.upper - S.start, S.start - box.lower).flatten(1).amax(1)


def margin(
    graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, distance: Float[Tensor, "b"]
) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Return each row's value less rounding errors within a distance, and its Lipschitz constant, in float64."""
    seen = passed(graph, S.start, distance)
    room = spec.value(seen.logits).double() - lost(seen, spec)
    finite = seen.finite[:, None] & spec.rows.isfinite().all(2)
    return torch.where(finite, room, -math.inf), spec.rows.abs().sum(2).double() * seen.constant


def lost(seen: "Passed", spec: LinearSpec) -> Float[Tensor, "b k"]:
    """Return what rounding may add to a row's value here, and take from it where the network runs on a member."""
    weight, dtype = spec.rows.abs(), seen.logits.dtype
    terms = (weight @ seen.logits.abs()[..., None])[..., 0] + spec.offset.abs()
    own = rounding_factor(2 * weight.shape[2] + 4, dtype) * terms.double() + underflow(dtype)
    return 2 * weight.sum(2).double() * seen.error[:, None] + own


@dataclass(frozen=True)
class Passed:
    """The result of a pass.

    Args:
        logits: the logits at the unperturbed inputs, as the network computes them.
        constant: the Lipschitz constant of every logit.
        error: the largest rounding error of a logit, at any point of the set.
        finite: a mask of the examples for which nothing overflows.
    """

    logits: Float[Tensor, "b classes"]
    constant: float
    error: Float[Tensor, "b"]
    finite: Bool[Tensor, "b"]


def passed(graph: FrozenGraph, x: Float[Tensor, "b *x"], distance: Float[Tensor, "b"]) -> Passed:
    """Return what a pass shows of all points within an l_inf distance of x; errors are carried along in float64."""
    values, most = graph.values(x), torch.finfo(x.dtype).max
    constants, errors, sizes = [1.0], [torch.zeros_like(distance, dtype=torch.float64)], [largest(x) + distance]
    for node, value in zip(graph.nodes, values[1:], strict=True):
        i, op = node.inputs[0], node.op
        constants.append(constants[i] * op.lipschitz())
        terms = largest(value) + constants[-1] * distance
        if isinstance(op, Affine):
            terms = largest(op.terms(per_example(sizes[i].to(x.dtype), values[i]).expand_as(values[i])))
        own = rounding_factor(op.roundings + 1, x.dtype) * terms + underflow(x.dtype) * (1 + sizes[i])
        errors.append(op.lipschitz() * errors[i] + own)
        sizes.append(terms + errors[-1])
    finite = torch.stack([value.flatten(1).isfinite().all(1) for value in values]).all(0)
    return Passed(values[-1], constants[-1], errors[-1], finite & (torch.stack(sizes) <= most).all(0))


def largest(value: Float[Tensor, "b ..."]) -> Float[Tensor, "b"]:
    """Return each example's largest magnitude, in float64."""
    return value.flatten(1).abs().amax(1).double()


def fault(node: FrozenNode) -> str | None:
    """Return why a node has no Lipschitz constant; None if it has one."""
    if len(node.inputs) == 1 and math.isfinite(float(node.op.lipschitz())):
        return None
    return f"{node.name} ({type(node.op).__name__}): {node.op.unbounded}"
