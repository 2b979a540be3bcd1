"""The largest radius at which a bound still proves each example."""

from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.propagation.bound_certificate import bound_certificate

STEPS = 100  # more than halving alone needs: it ends a search whose bounder answers erratically


@dataclass(frozen=True)
class LargestRadius:
    """Searches, for each example, the largest radius of a threat at which a bounder proves the specification.

    Newton's method on phi(radius), the least lower bound of the rows, from the threat's own radius; the derivative is
    taken by autograd through the bounder. Where a Newton step leaves the bracket or does not shrink, the bracket is
    halved; while no radius has failed, a step at most doubles it. Examples that are done leave the batch.

    Every radius answered was itself proven, with outward rounding. A proof over a ball is one over every smaller ball
    in it, so all smaller radii are proven too, even though phi need not be monotone (relaxations of smaller balls are
    not nested where their lines turn). Only "largest" may then be local: a larger radius may be provable.

    A step costs two bounds, one of them without outward rounding and with a backward pass, which keeps that bound's
    whole computation in memory. Four steps are usual at 1e-4; halving alone takes fourteen bounds and more.

    Args:
        bounder: one that gives no derivative is searched by halving.
        tolerance: the relative error of a radius; radii below this share of the threat's own count as 0.
        cap: no radius above this one (or the threat's own, where larger) is tried; in the units of the input.
        batch: how many examples are bounded at once.

    Raises:
        InputError: the bounder's bounds may fail, with a probability that many proofs would multiply.

    Source: Wong 2020 (thesis), equation 3.29; bracket and proof are added.
    """

    bounder: Bounder
    tolerance: float = 1e-4
    cap: float = 1.0
    batch: int = 50

    def __post_init__(self) -> None:
        if self.bounder.failure:
            raise InputError(f"a search asks many times, and each answer of {self.bounder} may fail: give it another.")

    def __call__(
        self, subject: NetworkSubject, threat: ThreatModel, x: Float[Tensor, "b *x"], spec: LinearSpec
    ) -> Certificate:
        """Return what is proven over the threat's own sets and, as `radius`, how far proofs reach: 0 for nowhere.

        Raises:
            InputError: the threat's radius is 0 somewhere, which leaves nothing to scale, or x is out of range.
            UnsupportedOpError, UnsupportedSetError: as `ByBound` does.
        """
        S = threat.at(x)
        if not (S.radius > 0).all():
            raise InputError(f"the search scales the threat, so its radius must be positive, but it is {threat.name}.")
        problem = Problem(subject, threat, x, spec, self.bounder, self.batch)
        factor = torch.ones_like(S.radius)
        step = torch.full_like(factor, torch.inf)
        result, radius = problem.proof(factor, torch.arange(len(x), device=x.device))
        found = result
        bracket = Bracket.start(found.verified, (self.cap / S.radius).clamp(min=1))
        with torch.no_grad():
            hopeful = spec.value(subject.graph.frozen()(S.decode(S.start))).amin(1) > 0
        tolerance = max(self.tolerance, 8 * torch.finfo(x.dtype).eps)
        for _ in range(STEPS):
            active = hopeful & bracket.wide(tolerance)
            index = active.nonzero()[:, 0]
            if not len(index):
                break
            value = found.lower.amin(1)
            # Aims a little beyond the root, so that the bracket closes from both sides.
            push = torch.where(value > 0, 1 + tolerance / 4, 1 - tolerance / 4)
            newton = (factor - value / problem.slope(factor, index)) * push
            following = bracket.trusted(newton, factor, step)
            factor, step = following, (following - factor).abs()
            found, reached = problem.proof(factor, index)
            radius = torch.maximum(radius, reached)
            bracket = bracket.narrowed(factor, active, found.verified)
        return replace(result, radius=radius)


@dataclass(frozen=True)
class Bracket:
    """What is known of the search, as multiples of the threat's radius: `proven` <= answer <= `end`."""

    proven: Float[Tensor, "b"]
    end: Float[Tensor, "b"]
    """The smallest that failed or, where none did, the largest to be tried."""
    growing: Bool[Tensor, "b"]
    """Where none failed yet."""

    @classmethod
    def start(cls, proven: Bool[Tensor, "b"], limit: Float[Tensor, "b"]) -> "Bracket":
        """Return what is known after the threat's own radius."""
        return cls(proven.to(limit.dtype), torch.where(proven, limit, 1), proven)

    def wide(self, tolerance: float) -> Bool[Tensor, "b"]:
        """Return where the search has to go on."""
        return (self.end - self.proven > tolerance * self.end) & (self.end > tolerance)

    def trusted(
        self, newton: Float[Tensor, "b"], factor: Float[Tensor, "b"], step: Float[Tensor, "b"]
    ) -> Float[Tensor, "b"]:
        """Return Newton's proposals where they are inside and nearer than half the step before, elsewhere safe ones."""
        double = torch.minimum(2 * factor, self.end)
        safe = torch.where(self.growing, double, (self.proven + self.end) / 2)
        inside = (newton > self.proven) & (newton < torch.where(self.growing, double, self.end))
        return torch.where(inside & (self.growing | ((newton - factor).abs() <= step / 2)), newton, safe)

    def narrowed(self, factor: Float[Tensor, "b"], tried: Bool[Tensor, "b"], proven: Bool[Tensor, "b"]) -> "Bracket":
        """Return what is known once `factor` was tried on some of the examples."""
        failed = tried & ~proven
        return Bracket(
            torch.where(proven, factor, self.proven), torch.where(failed, factor, self.end), self.growing & ~failed
        )


@dataclass(frozen=True)
class Problem:
    """Bounds of a batch at any multiple of the threat's radius, for some of the examples, a piece at a time."""

    subject: NetworkSubject
    threat: ThreatModel
    x: Float[Tensor, "b *x"]
    spec: LinearSpec
    bounder: Bounder
    batch: int

    def proof(self, factor: Float[Tensor, "b"], index: Int[Tensor, "s"]) -> tuple[Certificate, Float[Tensor, "b"]]:
        """Return what is proven of the indexed examples, UNKNOWN of the others, and the radii proven: else 0."""
        S = self.threat.scaled(factor).at(self.x)
        nothing = torch.full_like(self.spec.offset, -torch.inf)
        certificate = Certificate.from_lower(nothing, self.subject.kind, "")
        for piece in index.split(self.batch):
            found = bound_certificate(self.bounder, self.subject, S.select(piece), self.spec.select(piece))
            certificate = certificate.merged_at(piece, found)
        return certificate, S.radius * certificate.verified

    def slope(self, factor: Float[Tensor, "b"], index: Int[Tensor, "s"]) -> Float[Tensor, "b"]:
        """Return the derivative of the least lower bound by the factor; 0 where there is none."""
        graph = self.subject.graph.frozen()
        with torch.enable_grad():
            factor = factor.detach().requires_grad_()
            S = cast(CertifiableSet, self.threat.scaled(factor).at(self.x))  # `proof` has refused all others
            slope = torch.zeros_like(factor)
            for piece in index.split(self.batch):
                bounds = self.bounder(graph, S.select(piece), self.spec.select(piece), outward=False)
                least = bounds.lower.amin(1).sum()
                if least.requires_grad:
                    slope += torch.autograd.grad(least, factor, retain_graph=True, materialize_grads=True)[0]
        return slope
