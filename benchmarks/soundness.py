"""Check that no bound lies above a value that the network takes.

    python benchmarks/soundness.py --samples 300000 --attacked 30000 --exact 1000 --seed 0

Small networks covering all operators, with random weights, statistics and scales, are bounded over random l_inf, l2
and l1 balls, boxes and unions, cut by the range of inputs or not, by every bounder with every kind of slopes, and
piecewise linear ones by exact verification for a moment. Every bound is then compared with the network's values at
sampled points (inside and on the border of the set) and at the answers of an attack on each row: the given numbers of
points in float64, where a bound may lie 1e-9 above a value, and as many in float32 with outward rounding, where it may
not lie above at all.

Every third network is an extreme one, rounded outward in both precisions: hidden values near the largest or the
smallest numbers, with denormal numbers or without; inputs up to 255; batch norms that cancel; negative divisors.

At last, networks of small integers are bounded, and verified exactly, on boxes where the smallest margin is known in
rational arithmetic. Prints one table; exits with 1 if a bound was crossed.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

import torch
import torch.nn.functional as F
from extremes import Integers, Pooled, agrees, cancelling, eighths, rescaled
from torch import Tensor, nn

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, DualNetwork, ForwardLinear, Interval, OptimizedLinear
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Certificate
from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.radius import per_example
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.slopes import Adaptive, Parallel, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedSetError
from hauberk.layers import Normalize
from hauberk.propagation.bound_certificate import runs
from hauberk.threats import GivenBox, L1Ball, L2Ball, LinfBall, Union
from hauberk.verification import MixedInteger

SHAPE, CLASSES = (2, 4, 4), 4
EVERY = 5  # so many problems, one is searched exactly
EXAMPLES, SAMPLES, ATTACKS = 8, 250, 25
EXACT = MixedInteger(BackwardLinear(Interval()), seconds=0.2)
TOLERANCE = 1e-9  # without outward rounding


class Residual(nn.Module):
    """A network with skips, with and without a convolution, and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.second, self.inner = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.skip, self.last = nn.Conv2d(6, 6, 1), nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm(self.first(x)))
        h = F.relu(self.inner(self.second(h)) + self.skip(h))
        h = F.avg_pool2d(h - F.relu(self.second(h)), 2)
        return self.last(h.flatten(1))


class Joined(nn.Module):
    """A network with concatenation, slices, padding, a transposed convolution, and products with constants."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first, self.up = nn.Conv2d(2, 3, 3, padding=1), nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1)
        self.mix, self.last = nn.Linear(34, 6), nn.Linear(6, CLASSES)
        self.scale = nn.Parameter(torch.ones(2, 1, 1))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(self.first(x))
        wide = F.pad(self.up(h[:, :, 1:, :2]), (0, 0, 1, 0)) * self.scale
        joined = torch.cat([self.activation(wide)[:, :, ::2, :].flatten(1), x[:, 0].flatten(1)], 1)
        return self.last(self.activation(self.mix(joined)))


def activated(*activations: nn.Module) -> nn.Module:
    """Return a small convolutional network with these activations, one after each layer except the last."""
    first, second, third = (activations * 3)[:3]
    return nn.Sequential(
        *(nn.Conv2d(2, 5, 3, padding=1), first, nn.Conv2d(5, 3, 3, stride=2, padding=1), second, nn.Flatten()),
        *(nn.Linear(12, 7), third, nn.Linear(7, CLASSES)),
    )


def architectures() -> list[nn.Module]:
    """Return the networks that are bounded."""
    activations: list[nn.Module] = [nn.ReLU(), nn.LeakyReLU(0.1), nn.Hardtanh(), nn.ReLU6(), nn.Sigmoid(), nn.Tanh()]
    activations += [nn.Softplus(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.ELU(), Absolute()]
    return [
        *(activated(activation) for activation in activations),
        activated(nn.Tanh(), Absolute(), nn.LeakyReLU(-0.2)),
        nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.MaxPool2d(3, 2, padding=1), nn.Conv2d(4, 3, 2)),
            *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, CLASSES)),
        ),
        Pooled(CLASSES),
        Joined(nn.ReLU()),
        Joined(nn.GELU()),
        nn.Sequential(nn.Flatten(), nn.Linear(32, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, CLASSES)),
        nn.Sequential(
            Normalize([0.4, 0.5], [0.2, 0.3]),
            nn.Conv2d(2, 4, 3, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 2, groups=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4, 6),
            nn.BatchNorm1d(6),
            nn.ReLU(),
            nn.Linear(6, CLASSES),
        ),
        nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(3, 2, padding=1),
            nn.Conv2d(3, 3, 2, padding=1, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(12, CLASSES),
        ),
        Residual(),
    ]


class Absolute(nn.Module):
    """The absolute value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


def randomize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every parameter and statistic, on scales that differ from network to network."""
    scale = 10 ** (torch.rand((), generator=generator).item() * 2 - 1)
    with torch.no_grad():
        for parameter in module.parameters():
            deviation = scale / math.sqrt(parameter[0].numel()) if parameter.ndim > 1 else 0.5
            parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.copy_(scale * torch.randn(part.running_mean.shape, generator=generator))
                part.running_var.copy_(10 ** (2 * torch.rand(part.running_var.shape, generator=generator) - 1))


@dataclass(frozen=True)
class Drawn(Slopes):
    """Random slopes of lower lines, every choice of which is sound."""

    seed: int = 0

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        generator = torch.Generator().manual_seed(self.seed)
        shape = op.relax(box).lower_slope.shape
        return op.relax(box, torch.rand(shape, generator=generator, dtype=box.lower.dtype))


@dataclass(frozen=True)
class Row(AdversarialLoss):
    """Minus one row of the specification, a different one for each example."""

    coefficients: Tensor

    def __call__(self, logits: Tensor, y: Tensor, target: Tensor | None = None) -> Tensor:
        return -(self.coefficients * logits).sum(1)


def bounders() -> dict[str, Bounder]:
    """Return the bounders under test, by name."""
    found: dict[str, Bounder] = {"interval": Interval(), "forward, parallel slopes": ForwardLinear()}
    found["backward, optimised slopes"] = OptimizedLinear(iterations=2)
    found["dual network"] = DualNetwork()
    for name, slopes in (("adaptive", Adaptive()), ("parallel", Parallel()), ("random", Drawn())):
        found[f"backward, {name} slopes, interval boxes"] = BackwardLinear(Interval(), slopes)
        found[f"backward, {name} slopes, own boxes"] = BackwardLinear(None, slopes)
    return found


@dataclass
class Tally:
    """The results of one bounder in one precision."""

    checks: dict[str, int] = field(default_factory=lambda: {"sampled": 0, "attacked": 0})
    crossings: int = 0
    slack: float = math.inf
    outward: bool = True

    def count(
        self, kind: str, bounds: Bounds, graph: FrozenGraph, spec: LinearSpec, owner: Tensor, values: list[Tensor]
    ) -> None:
        """Compare bounds with the values at points that belong to these examples.

        Where boxes say that a value may overflow, nothing is claimed, as in a certificate.
        """
        tolerance = 0.0 if self.outward else TOLERANCE
        sure = runs(graph, bounds.boxes, values[0].dtype)[owner]
        lower = bounds.lower[owner].nan_to_num(nan=-math.inf)
        margin = (spec.select(owner).value(values[-1]).double() - lower).amin(1)
        held = margin >= -tolerance  # NaN holds nothing
        for box, value in zip(bounds.boxes, values, strict=True):
            inside = (value >= box.lower[owner] - tolerance) & (value <= box.upper[owner] + tolerance)
            held &= inside.flatten(1).all(1)
        held |= ~sure
        self.checks[kind] += len(owner)
        self.crossings += int((~held).sum())
        self.slack = min([self.slack, *margin[sure].tolist()])

    def claim(self, kind: str, certificate: Certificate, spec: LinearSpec, owner: Tensor, logits: Tensor) -> None:
        """Compare what a verifier proves with the logits at points that belong to these examples."""
        value = spec.select(owner).value(logits)
        verified = certificate.verified[owner]
        held = ~(value < certificate.lower[owner]).any(1) & ((value > 0).all(1) | ~verified)  # NaN proves nothing
        self.checks[kind] += len(owner)
        self.crossings += int((~held).sum())


def random_set(generator: torch.Generator, dtype: torch.dtype, unit: float = 1.0) -> CertifiableSet:
    """Draw inputs, some at the border of the range, a ball, a box or a union, and a radius for each input."""
    x = torch.rand(EXAMPLES, *SHAPE, generator=generator)
    x = (1.6 * x - 0.3).clamp(0, 1).to(dtype) * unit
    eps = 10 ** (math.log10(0.5 / 0.001) * torch.rand(EXAMPLES, generator=generator) - 3)
    eps = eps.to(dtype) * unit
    within = (0.0, unit) if torch.rand((), generator=generator) < 0.7 else None
    size, kind = math.prod(SHAPE), int(torch.randint(6, (), generator=generator))
    if kind == 4:
        below, above = torch.rand(2, *x.shape, generator=generator, dtype=dtype) * per_example(eps, x)
        return GivenBox(x - below, x + above, within).at(x)
    if kind == 5:
        threats: list[ThreatModel] = [LinfBall(eps / 2, within), L2Ball(eps * size**0.5 / 2, within)]
        return Union([*threats, L1Ball(eps * size / 4, within)]).at(x)
    norms = LinfBall(eps, within), LinfBall(eps, within), L2Ball(eps * size**0.5 / 2, within)
    return (*norms, L1Ball(eps * size / 4, within))[kind].at(x)


def sampled(S: CertifiableSet, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (owners, points): a third inside, a third far out in random directions, and a third that mixes both."""
    owner = torch.arange(EXAMPLES).repeat_interleave(SAMPLES)
    sets, noise = S.select(owner), Noise.of(seed, torch.arange(len(owner)))
    inside = sets.sample(noise)
    corner = sets.project(sets.start + 1e3 * (sets.sample(noise.fold(0)) - sets.start))
    face = sets.project(torch.where(noise.fold(1).uniform(SHAPE, inside.dtype) < 0.5, inside, corner))
    kind = (torch.arange(len(owner)) % 3).view(-1, 1, 1, 1)
    yield owner, torch.where(kind == 0, inside, torch.where(kind == 1, corner, face))


def attacked(graph: Graph, S: CertifiableSet, spec: LinearSpec, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (owners, points) where an attack has pushed a row of the specification down."""
    owner = torch.arange(EXAMPLES).repeat_interleave(ATTACKS)
    row = spec.rows[owner, torch.arange(len(owner)) % spec.rows.shape[1]]
    attack = PGD(Row(row), steps=10, step=0.4, stop_when_broken=False)
    yield owner, attack(graph, S.select(owner), torch.zeros_like(owner), noise=Noise.of(seed, torch.arange(len(owner))))


@dataclass(frozen=True)
class Problem:
    """A random network with a batch of sets, a specification, and a seed for points."""

    graph: Graph
    S: CertifiableSet
    spec: LinearSpec
    seed: int
    extreme: bool


def problems(dtype: torch.dtype, count: int, seed: int) -> Iterator[Problem]:
    """Yield random problems, every third of which is an extreme one."""
    graphs = [capture(module.to(dtype).eval(), torch.rand(2, *SHAPE, dtype=dtype)) for module in architectures()]
    for number in range(count):
        drawn, extreme = seed * 1_000_003 + number, number % 3 == 2
        generator = torch.Generator().manual_seed(drawn)
        graph = graphs[number // 3 % len(graphs) if extreme else number % len(graphs)]
        randomize(graph.module, generator)
        if extreme:
            cancelling(graph.module, generator)
            rescaled(graph.module, generator, dtype)
        y = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
        spec, unit = LinearSpec.margins(y, CLASSES, dtype), 255.0 if extreme and number % 2 else 1.0
        yield Problem(graph, random_set(generator, dtype, unit), spec, drawn, extreme)


def check(dtype: torch.dtype, samples: int, attacks: int, seed: int) -> dict[str, Tally]:
    """Check at least this many points of each kind in one precision."""
    tallies = {name: Tally() for name in [*bounders(), EXACT.name]}
    sampling, attacking = math.ceil(samples / (EXAMPLES * SAMPLES)), math.ceil(attacks / (EXAMPLES * ATTACKS))
    for number, problem in enumerate(problems(dtype, max(sampling, attacking), seed)):
        graph, frozen, S, spec = problem.graph, problem.graph.frozen(), problem.S, problem.spec
        torch.set_flush_denormal(problem.extreme and number % 4 < 2)
        points = []
        if number < sampling:
            points += [("sampled", *pair) for pair in sampled(S, problem.seed)]
        if number < attacking:
            points += [("attacked", *pair) for pair in attacked(graph, S, spec, problem.seed)]
        outward = dtype == torch.float32 or problem.extreme
        with torch.no_grad():
            evaluated = [(kind, owner, evaluate(graph, frozen, z)) for kind, owner, z in points]
            for name, bounder in bounders().items():
                bounds, tallies[name].outward = bounder(frozen, S, spec, outward=outward), outward
                for kind, owner, values in evaluated:
                    tallies[name].count(kind, bounds, frozen, spec, owner, values)
            if EXACT.covers(frozen) and number % EVERY == 0:
                with suppress(UnsupportedSetError):
                    certificate = EXACT(NetworkSubject(graph.module, graph), S, spec)
                    for kind, owner, values in evaluated:
                        tallies[EXACT.name].claim(kind, certificate, spec, owner, values[-1])
        torch.set_flush_denormal(False)
    return tallies


def check_integers(dtype: torch.dtype, count: int, seed: int) -> dict[str, Tally]:
    """Compare bounds and exact minima of networks of small integers with rational arithmetic."""
    exact = MixedInteger(BackwardLinear(), minimum=True)
    tallies = {f"{name}, integers": Tally({"sampled": 0, "attacked": 0}) for name in [*bounders(), exact.name]}
    spec, module = LinearSpec.margins(torch.zeros(1, dtype=torch.long), 2, dtype), Integers().to(dtype)
    graph = capture(module, torch.zeros(2, 2, dtype=dtype))
    tolerance = 1e-3 if dtype == torch.float32 else 1e-9
    for number in range(count):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        module.draw(generator)
        x, radius = eighths(generator, dtype)
        S = LinfBall(radius, None).at(x)
        box = S.bounding_box()
        least = module.least(box.lower[0].tolist(), box.upper[0].tolist())
        found = {name: bounder(graph.frozen(), S, spec).lower.item() for name, bounder in bounders().items()}
        found[exact.name] = exact(NetworkSubject(module, graph), S, spec).lower.item()
        for name, lower in found.items():
            tally = tallies[f"{name}, integers"]
            tally.checks["sampled"] += 1
            tally.crossings += not agrees(lower, least, exact=name == exact.name, tolerance=tolerance)
            tally.slack = min(tally.slack, float(least - Fraction(lower)))
    return tallies


def evaluate(graph: Graph, frozen: FrozenGraph, z: Tensor) -> list[Tensor]:
    """Return every value at z; the logits are those of the module itself."""
    return [*frozen.values(z)[:-1], graph(z)]


def main() -> int:
    """Check both precisions, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300_000)
    parser.add_argument("--attacked", type=int, default=30_000)
    parser.add_argument("--exact", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start, crossings, lines = time.perf_counter(), 0, []
    for dtype in (torch.float64, torch.float32):
        tallies = check(dtype, arguments.samples, arguments.attacked, arguments.seed)
        for name, tally in (tallies | check_integers(dtype, arguments.exact, arguments.seed)).items():
            crossings += tally.crossings
            precision = str(dtype).removeprefix("torch.")
            counts = f"{tally.checks['sampled']:>10,} {tally.checks['attacked']:>10,} {tally.crossings:>10,}"
            lines.append(f"{precision:8} {name:42} {counts} {tally.slack:>12.3e}")
    print(f"{'':8} {'bounder':42} {'sampled':>10} {'attacked':>10} {'crossings':>10} {'least slack':>12}")
    print("\n".join(lines))
    print(
        f"seed {arguments.seed}, torch {torch.__version__}, {time.perf_counter() - start:.0f} s, {crossings} crossings"
    )
    return int(crossings > 0)


if __name__ == "__main__":
    sys.exit(main())
