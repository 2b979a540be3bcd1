"""The largest radius at which a bound still proves each example."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.propagation.bound_certificate import bound_certificate
from hauberk.ranges import Checked, Count, Positive

DOUBLINGS = 64  # as many as leave steps for halving
STEPS = 100  # more than halving alone needs: ends the search if a bounder behaves erratically


@dataclass(frozen=True)
class LargestRadius(Checked):
    """A search, for each example, for the largest radius of a threat at which a bounder proves the specification.

    Newton's method on phi(radius), the least lower bound of the rows, from the threat's own radius; autograd takes the
    derivative through the bounder. If a Newton step leaves the bracket or does not shrink, the bracket is halved; while
    no radius has failed, a step at most doubles it. Finished examples leave the batch.

    Every radius returned was itself proven, with outward rounding. A proof over a ball covers every smaller ball in it,
    so all smaller radii are proven too, even though phi need not be monotone (relaxations of smaller balls are not
    nested where their lines turn). Only "largest" may then be local: a larger radius may be provable.

    A step costs two bounds, one of them without outward rounding and with a backward pass, which keeps that bound's
    whole computation in memory. Four steps are usual at 1e-4; halving alone takes fourteen bounds and more.

    Args:
        bounder: one that certifies; without a derivative it is searched by halving.
        tolerance: the relative error of a radius; radii below this share of the threat's own count as 0.
        cap: the largest radius tried (or the threat's own, if larger), in units of the threat's radius.
        batch: the number of examples bounded at once.

    Raises:
        InputError: the bounder's bounds may fail, with a probability that many proofs would multiply.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.concepts.subject import NetworkSubject
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import LargestRadius
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> certificate = LargestRadius(Interval())(subject, LinfBall(0.1), x, LinearSpec.margins(y, classes=2))
        >>> [round(radius, 3) for radius in certificate.radius.tolist()]
        [0.15, 0.05]

    Source: Wong 2020 (thesis), equation 3.29; bracket and proof are added.
    """

    bounder: Bounder
    tolerance: Positive = 1e-4
    cap: Positive = 1.0
    batch: Count = 50

    def __post_init__(self) -> None:
        if self.bounder.failure:
            raise InputError(f"a search asks many times, and each answer of {self.bounder} may fail: give it another.")

    def __call__(
        self, subject: AttackableSubject, threat: ThreatModel, x: Float[Tensor, "b *x"], spec: LinearSpec
    ) -> Certificate:
        """Return the proofs over the threat's own sets and, as `radius`, the largest radii proven: 0 for none.

        Raises:
            InputError: a radius is 0 or too small to be doubled up to `cap`, or x is out of range.
            UnsupportedOpError, UnsupportedSetError: as `ByBound` does.
        """
        S = threat.at(x)
        if not (S.radius * 2.0**DOUBLINGS > self.cap).all():
            raise InputError(
                f"the search scales the threat, so its radius must be positive and at least {self.cap} / 2^{DOUBLINGS} "
                f"(cap), but the threat is {threat.name} with radii from {float(S.radius.min())}."
            )
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
            # Aim a little beyond the root, so that the bracket closes from both sides.
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
    """The state of the search, in multiples of the threat's radius: `proven` <= answer <= `end`.

    Args:
        proven: the largest multiple proven, 0 for none.
        end: the smallest multiple that failed or, if none did, the largest to try.
        growing: a mask of the examples for which none has failed yet.
    """

    proven: Float[Tensor, "b"]
    end: Float[Tensor, "b"]
    growing: Bool[Tensor, "b"]

    @classmethod
    def start(cls, proven: Bool[Tensor, "b"], limit: Float[Tensor, "b"]) -> "Bracket":
        """Return the bracket after the threat's own radius was tried."""
        return cls(proven.to(limit.dtype), torch.where(proven, limit, 1), proven)

    def wide(self, tolerance: float) -> Bool[Tensor, "b"]:
        """Return a mask of the examples for which the search must go on."""
        return (self.end - self.proven > tolerance * self.end) & (self.end > tolerance)

    def trusted(
        self, newton: Float[Tensor, "b"], factor: Float[Tensor, "b"], step: Float[Tensor, "b"]
    ) -> Float[Tensor, "b"]:
        """Return Newton's proposals if they are inside and nearer than half the previous step, otherwise safe ones."""
        double = torch.minimum(2 * factor, self.end)
        safe = torch.where(self.growing, double, (self.proven + self.end) / 2)
        inside = (newton > self.proven) & (newton < torch.where(self.growing, double, self.end))
        return torch.where(inside & (self.growing | ((newton - factor).abs() <= step / 2)), newton, safe)

    def narrowed(self, factor: Float[Tensor, "b"], tried: Bool[Tensor, "b"], proven: Bool[Tensor, "b"]) -> "Bracket":
        """Return the bracket after `factor` was tried on some of the examples."""
        failed = tried & ~proven
        return Bracket(
            torch.where(proven, factor, self.proven), torch.where(failed, factor, self.end), self.growing & ~failed
        )


@dataclass(frozen=True)
class Problem:
    """Bounds of a batch at any multiple of the threat's radius, for some of the examples, one piece at a time.

    Args:
        subject: the network.
        threat: the sets to scale.
        x: the inputs.
        spec: the rows that must be positive.
        bounder: gives the bounds.
        batch: the number of examples per piece.
    """

    subject: AttackableSubject
    threat: ThreatModel
    x: Float[Tensor, "b *x"]
    spec: LinearSpec
    bounder: Bounder
    batch: int

    def proof(self, factor: Float[Tensor, "b"], index: Int[Tensor, "s"]) -> tuple[Certificate, Float[Tensor, "b"]]:
        """Return the proofs of the indexed examples, UNKNOWN for the others, and the radii proven, otherwise 0."""
        S = self.threat.scaled(factor).at(self.x)
        nothing = torch.full_like(self.spec.offset, -torch.inf)
        certificate = Certificate.from_lower(nothing, self.subject.kind, "")
        for piece in index.split(self.batch):
            found = bound_certificate(self.bounder, self.subject, S.select(piece), self.spec.select(piece))
            certificate = certificate.merged_at(piece, found)
        return certificate, S.radius * certificate.verified

    def slope(self, factor: Float[Tensor, "b"], index: Int[Tensor, "s"]) -> Float[Tensor, "b"]:
        """Return the derivative of the least lower bound with respect to the factor; 0 if there is none."""
        with gradients():
            graph = self.subject.graph.frozen()
            factor = ordinary(factor.detach()).requires_grad_()
            S = self.threat.scaled(factor).at(ordinary(self.x)).cover()
            slope = torch.zeros_like(factor)
            for piece in index.split(self.batch):
                bounds = self.bounder(graph, S.select(piece), self.spec.select(piece), outward=False)
                least = bounds.lower.amin(1).sum()
                if least.requires_grad:
                    slope += torch.autograd.grad(least, factor, retain_graph=True, materialize_grads=True)[0]
        return slope
