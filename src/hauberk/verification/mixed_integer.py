"""Exact verification by mixed-integer programming."""

import time
from dataclasses import dataclass, replace

import highspy
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.affine_maps import affine_maps
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.encoding import Encoding
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Elementwise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.rounding import rounding_factor
from hauberk.concepts.solver import Solver
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError

SLACK = 1e-7
"""What is subtracted from a bound (from its size, where that is above 1) for the tolerances of the solver."""


@dataclass(frozen=True)
class MixedInteger(Verifier):
    """Decides small piecewise linear networks: the exact minimum of every row, or the best bound in `seconds`.

    Each undecided neuron of an example costs a binary variable, and time grows exponentially with them. A refutation is
    a member of the set that the network itself gets wrong. A proof trusts HiGHS within its tolerances, for which 1e-7
    is subtracted: that is no proof in exact arithmetic, and the certificate says so. An example that is neither proven
    nor refuted is TIMEOUT where time ran out, and else UNKNOWN.

    Args:
        intermediate: Bounds the hidden values; the tighter, the fewer binary variables.
        seconds: How long one example may take, all rows together.

    Source: Tjeng et al. 2019.
    """

    intermediate: Bounder
    seconds: float = 60.0
    name: str = "mixed integer"

    def __post_init__(self) -> None:
        if not self.intermediate.certifies or self.intermediate.failure:
            raise InputError(f"a proof needs boxes that hold for sure, but {self.intermediate} may be wrong.")

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        if not isinstance(subject, NetworkSubject):
            raise UnsupportedOpError(f"a program is made of a network, but the subject is a {subject.kind}.")
        if not isinstance(S, CertifiableSet):
            raise UnsupportedSetError(f"{type(S).__name__} has no box around it, so no program can be made of it.")
        graph = subject.graph.frozen()
        with torch.no_grad():
            boxes = self.intermediate.boxes(graph, S)
            allowance = execution_error(graph, boxes, spec).double() - spec.offset.double()
            maps = affine_maps(graph, S.start[:1])
            lower, verdict = torch.full_like(allowance, -torch.inf), []
            for i in torch.arange(len(S.start), device=S.start.device).split(1):
                own = [Box(box.lower[i], box.upper[i]) for box in boxes]
                encoding = Encoding(graph, maps, S.select(i), own, integral=True)
                found, points, ended = minima(encoding, spec.rows[int(i)].double().cpu().numpy(), self.seconds)
                lower[i] = lower.new_tensor(found) - allowance[i]
                refuted = is_refuted(subject, S.select(i), spec.select(i), points)
                verdict.append(Verdict.FALSIFIED if refuted else Verdict.UNKNOWN if ended else Verdict.TIMEOUT)
        arithmetic = f"float64 with HiGHS' tolerances, {SLACK:g} and the network's rounding errors subtracted"
        certificate = Certificate.from_lower(lower.to(S.start.dtype), subject.kind, arithmetic)
        found = torch.tensor([int(one) for one in verdict], device=S.start.device)
        proven = certificate.verified & (found != Verdict.FALSIFIED)
        return replace(certificate, verdict=torch.where(proven, Verdict.VERIFIED.value, found))


def minima(
    encoding: Encoding, rows: Float[np.ndarray, "k classes"], seconds: float
) -> tuple[Float[np.ndarray, "k"], list[Float[np.ndarray, "n"]], bool]:
    """Return a lower bound of every row's minimum, the inputs found on the way, and whether time sufficed."""
    lower, points, ended = np.full(len(rows), -np.inf), [], True
    if not encoding.finite:
        return lower, points, ended
    solver, end = Solver(encoding.program), time.monotonic() + seconds
    inputs = len(encoding.program.lower[0])
    for k, row in enumerate(rows):
        status = solver.minimize(encoding.cost(row), max(end - time.monotonic(), 0.0))
        ended &= status != highspy.HighsModelStatus.kTimeLimit
        if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
            continue
        bound = solver.bound() + encoding.logits.constant @ row
        lower[k] = bound - SLACK * max(1.0, abs(bound))
        if (point := solver.point()) is not None:
            points.append(point[:inputs])
    return lower, points, ended


def is_refuted(
    subject: NetworkSubject, S: CertifiableSet, spec: LinearSpec, points: list[Float[np.ndarray, "n"]]
) -> bool:
    """Return whether the network breaks a single example's specification at one of these points, put into the set."""
    for point in points:
        z = S.project(S.start.new_tensor(point).view_as(S.start))
        if S.contains(z).all() and (spec.value(subject.module(S.decode(z))) < 0).any():
            return True
    return False


def execution_error(graph: FrozenGraph, boxes: list[Box], spec: LinearSpec) -> Float[Tensor, "b k"]:
    """Return by how much a row's value may differ between the network in exact arithmetic and its execution.

    Each affine node adds its own rounding errors to those that it passes on; a piecewise linear function passes them on
    no steeper than its steepest piece.

    Raises:
        UnsupportedOpError: a node is neither affine nor piecewise linear.
    """
    errors = [torch.zeros_like(boxes[0].lower)]
    for node in graph.nodes:
        given = [errors[i] for i in node.inputs]
        if isinstance(node.op, Affine):
            share = 2 * rounding_factor(node.op.roundings + 8, given[0].dtype)
            errors.append(node.op.carried(given, [boxes[i].magnitude for i in node.inputs], share))
        elif isinstance(node.op, Elementwise) and node.op.pieces is not None:
            errors.append(given[0] * max(abs(slope) for slope in node.op.pieces.slopes))
        else:
            raise UnsupportedOpError(f"{node.name} ({type(node.op).__name__}) is not piecewise linear.")
    logits = errors[-1] + boxes[-1].magnitude * (2 * rounding_factor(spec.rows.shape[2] + 8, errors[-1].dtype))
    return torch.einsum("bkc,bc->bk", spec.rows.abs(), logits)
