"""Exact verification by mixed-integer programming."""

from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.programs.affine_maps import affine_maps
from hauberk.programs.encoding import Encoding
from hauberk.programs.execution_error import execution_error
from hauberk.programs.minima import Minima
from hauberk.propagation.bound_certificate import arithmetic, network_certificate
from hauberk.propagation.faithful import require_faithful
from hauberk.ranges import Positive

ARITHMETIC = "float64 bounds by weak duality from multipliers of HiGHS, every rounding error subtracted"
"""The meaning of soundness of a search; the bounds before it have their own."""


@dataclass(frozen=True)
class MixedInteger(Verifier):
    """Exact verification of small piecewise linear networks, or the best bounds found within `seconds`.

    Each undecided neuron of an example costs a choice, which branch and bound makes, and time grows exponentially with
    their number. Rows that the intermediate bounder proves are not searched; the others are, worst first, each until
    its sign is known. A refutation is a member of the set that the network itself gets wrong. A proof trusts no solver:
    HiGHS solves the linear program of a region, but its bound is computed from the multipliers alone, by weak duality,
    with all rounding errors of program, bound and execution subtracted. A minimum within these of zero is UNKNOWN. An
    example that is neither proven nor refuted is TIMEOUT if time ran out, and UNKNOWN otherwise.

    Args:
        intermediate: bounds rows and hidden values; the tighter, the fewer searches and binary variables.
        seconds: the time limit per example, all rows together.
        name: the verifier's name in records.
        minimum: whether every row is searched to its exact minimum, even if its sign is known.

    Raises:
        InputError: the intermediate bounds are estimates, or may fail.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.concepts.subject import NetworkSubject
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import MixedInteger
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
        >>> network[2].weight.data = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> x, y = torch.tensor([[0.5, 0.5]]), torch.tensor([0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> spec = LinearSpec.margins(y, classes=2)
        >>> certificate = MixedInteger(Interval(), minimum=True)(subject, LinfBall(0.1).at(x), spec)
        >>> certificate.verified.item(), round(certificate.lower.item(), 3)  # the interval bound is 1.4
        (True, 1.6)

    Sources: Tjeng et al. 2019 (the program); Neumaier & Shcherbina 2004 (safe bounds).
    """

    intermediate: Bounder
    seconds: Positive = 60.0
    name: str = "mixed integer"
    minimum: bool = False
    last = True

    @staticmethod
    def cases() -> Cases:
        return {"seconds": [0.01]}

    def __post_init__(self) -> None:
        if not self.intermediate.certifies or self.intermediate.failure:
            raise InputError(f"a proof needs boxes that hold for sure, but {self.intermediate} may be wrong.")

    def covers(self, graph: FrozenGraph) -> bool:
        return all(isinstance(node.op, Affine) or getattr(node.op, "pieces", None) is not None for node in graph.nodes)

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        affine = sum(
            prod(shape)
            for node, shape in zip(graph.nodes, graph.shapes[1:], strict=True)
            if isinstance(node.op, Affine)
        )
        return self.intermediate.rows(graph, S, spec) + affine  # matrices are made by a row for each of their own

    @np.errstate(all="ignore")  # what overflows is found by weak duality, and proves nothing
    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        if not isinstance(subject, NetworkSubject):
            raise UnsupportedOpError(f"a program is made of a network, but the subject is a {subject.kind}.")
        if (cover := S.cover()) is not S:
            certificate = self(subject, cover, spec)
            unsure = certificate.verdict == Verdict.FALSIFIED  # by an input that no member may decode to
            verdict = torch.where(unsure, Verdict.UNKNOWN.value, certificate.verdict)
            return replace(certificate, verdict=verdict, counterexamples=None)
        require_faithful(subject.graph, S.decode(S.start))
        S = cast(CertifiableSet, S)
        graph, exact = subject.graph.frozen(), subject.graph.frozen(torch.float64)
        with torch.no_grad():
            bounds = self.intermediate(graph, S, spec)
            error = execution_error(graph, bounds.boxes, spec)
            maps = affine_maps(exact, S.start[:1].double())
            lower = bounds.lower.double()
            found = torch.full(lower.shape[:1], Verdict.UNKNOWN.value, device=lower.device)
            points = S.start.clone()
            open_rows = ~(lower > (torch.inf if self.minimum else 0))
            for i in open_rows.any(1).nonzero():
                own = [Box(box.lower[i], box.upper[i]).to(torch.float64) for box in bounds.boxes]
                encoding = Encoding(exact, maps, S.select(i), own)
                rows, offset, off = (t[i][0].double().cpu().numpy() for t in (spec.rows, spec.offset, error))
                failure = partial(failing, subject, S.select(i), spec.select(i))
                minima = Minima(encoding, rows, offset, off, failure, self.seconds)
                for k in lower[i][0].argsort().tolist():
                    if open_rows[i, k] and (self.minimum or minima.failing is None):
                        lower[i, k] = max(float(lower[i, k]), minima.lower(k, sign=not self.minimum))
                found[i] = minima.verdict.value
                if minima.failing is not None:
                    points[i] = minima.failing
        dtype = S.start.dtype
        means = f"{arithmetic(dtype, dtype, 0.0)}; {ARITHMETIC}"
        certificate = network_certificate(subject, graph, bounds.boxes, dtype, spec, lower, means)
        proven = certificate.verified & (found != Verdict.FALSIFIED)
        verdict = torch.where(proven, Verdict.VERIFIED.value, found)
        return replace(certificate, verdict=verdict, counterexamples=points)


def failing(
    subject: NetworkSubject, S: CertifiableSet, spec: LinearSpec, point: Float[np.ndarray, "n"]
) -> Float[Tensor, "1 *z"] | None:
    """Return this point, projected to a single example's set, if the network breaks the specification there."""
    z: Tensor = S.project(S.start.new_tensor(point).view_as(S.start))
    broken = S.contains(z).all() and (spec.value(subject.module(S.decode(z))) < 0).any()
    return z if broken else None
