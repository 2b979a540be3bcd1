"""The rows of benchmarks/accelerator.py: calls of Hauberk, beside plain torch where that is a short loop."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import accelerator_loops as loops
import torch
from accelerator_loops import Loop, in_groups
from accelerator_setting import Setting, captured
from torch import Tensor

from hauberk.attacks import FGSM, PGD, RandomMember, Restarts
from hauberk.bounds import BackwardLinear, Interval, OptimizedLinear, Projected
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.full_precision import full_precision
from hauberk.losses import CrossEntropy
from hauberk.objectives import CROWNIBP, Adversarial, Certified, Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer
from hauberk.training.run import Run

ENTROPY, NONE = CrossEntropy(), Constant(0.0)
DUAL = BackwardLinear(slopes=Parallel())
Sides = tuple[Callable[[], object], Callable[[], object] | None]
"""Calls of Hauberk and of plain torch, ready to be timed."""


Make = Callable[[Setting], Sides]


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Args:
        make: prepares the calls.
        ours: the milliseconds that Hauberk took on an H200 in November 2026, before it was made for GPUs; None if it
            was not measured.
        theirs: those of the plain loop or peer then.
        half: True for half precision that CPUs have no fast products in: the row is for GPUs alone.
    """

    make: Make
    ours: float | None = None
    theirs: float | None = None
    half: bool = False


def training(
    name: str,
    objective: Objective,
    loss: loops.Loss | None = None,
    eps: float = 0.3,
    batch: int = 128,
    precision: Literal["no", "bf16", "fp16"] = "no",
) -> Make:
    """Return what prepares the trainer's own step, and one of a plain loop with the same network and data."""

    def make(setting: Setting) -> Sides:
        data = setting.images(name, setting.batch(batch))
        trainer = Trainer(objective, 1, Constant(1e-3), len(data), held_out=0, precision=precision, seed=setting.seed)
        folder = Path(tempfile.mkdtemp())
        run = Run(trainer, setting.network(name), data, LinfBall(eps), folder)
        folder.rmdir()
        in_groups(run.optimizer)
        if loss is None:
            return lambda: run.step(0, Progress(0, 1, 1), 1e-3), None
        kind = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        plain = Loop(setting.network(name), data.inputs, data.labels, eps, loss, kind).steps()
        return lambda: run.step(0, Progress(0, 1, 1), 1e-3), plain

    return make


def margins(name: str, bounder: Bounder, count: int, eps: float = 0.1) -> Make:
    """Return what prepares bounds of the margins, as certificates are computed."""

    def make(setting: Setting) -> Sides:
        x, y = setting.digits(setting.batch(count)).batch(slice(None))
        graph = captured(setting, name)
        S, spec = LinfBall(eps).at(x), LinearSpec.margins(y, 10)
        noise = Noise.of(setting.seed, torch.arange(len(y), device=y.device))

        method = replace(bounder, iterations=2) if setting.tiny and isinstance(bounder, OptimizedLinear) else bounder

        @full_precision()
        @torch.no_grad()
        def bound() -> Tensor:
            return method(graph, S, spec, noise=noise).lower

        return bound, None

    return make


def attack(restarts: int) -> Make:
    """Return what prepares PGD with 50 steps on 990 digits, and the same in plain torch."""

    def make(setting: Setting) -> Sides:
        x, y = setting.digits(setting.batch(990)).batch(slice(None))
        network, threat = setting.network("by PGD").eval(), LinfBall(0.3)
        steps = 5 if setting.tiny else 50
        times = min(restarts, 2) if setting.tiny else restarts
        search = Restarts(PGD(ENTROPY, steps, 1 / 30), times)
        noise = Noise.of(setting.seed, torch.arange(len(y), device=y.device))
        own = lambda: search(network, threat.at(x), y, noise=noise)  # noqa: E731
        return own, lambda: loops.attacked(network, x, y, 0.3, steps, times)

    return make


ONE_STEP = Adversarial(FGSM(ENTROPY, 1.25, RandomMember()), ENTROPY)
SEVEN_STEPS = Adversarial(PGD(ENTROPY, 7, 0.25, stop_when_broken=False), ENTROPY)
IBP, CROWN_IBP = Certified(Interval(), ENTROPY, NONE), CROWNIBP(Interval(), ENTROPY, NONE, Constant(1.0))
EXACT, PROJECTED = Certified(DUAL, ENTROPY, NONE), Certified(Projected(50), ENTROPY, NONE)
FIXED = OptimizedLinear(20, intermediate=BackwardLinear())
RESNET, EPS = "PreActResNet18", 8 / 255

CASES: dict[str, Case] = {
    "natural step, small": Case(training("small", Natural(ENTROPY), loops.natural), 6.9, 2.5),
    "natural step, CNN7": Case(training("CNN7", Natural(ENTROPY), loops.natural), 9.7, 4.9),
    "FGSM step, small": Case(training("small", ONE_STEP, loops.fgsm)),
    "FGSM step, PreActResNet18": Case(training(RESNET, ONE_STEP, loops.fgsm, EPS), 29, 21),
    "FGSM step, PreActResNet18, bf16": Case(training(RESNET, ONE_STEP, loops.fgsm, EPS, precision="bf16"), 34, 20),
    "FGSM step, PreActResNet18, fp16": Case(training(RESNET, ONE_STEP, loops.fgsm, EPS, precision="fp16"), half=True),
    "PGD-7 step, small": Case(training("small", SEVEN_STEPS, loops.pgd)),
    "PGD-7 step, PreActResNet18": Case(training(RESNET, SEVEN_STEPS, loops.pgd, EPS), 111, 77),
    "interval step, small": Case(training("small", IBP, loops.interval), 14.1, 4.6),
    "interval step, CNN7": Case(training("CNN7", IBP, loops.interval), 24),
    "CROWN-IBP step, small": Case(training("small", CROWN_IBP), 37),
    "CROWN-IBP step, CNN7": Case(training("CNN7", CROWN_IBP), 57),
    "dual step, exact": Case(training("robust", Certified(DUAL, ENTROPY, NONE), eps=0.1), 150, 73),
    "dual step, 50 projections": Case(
        training("robust", Certified(Projected(50), ENTROPY, NONE), eps=0.1, batch=50), 50, 35
    ),
    "dual bounds, exact": Case(margins("robust", DUAL, 128), 40, 15),
    "CROWN margins, robust": Case(margins("robust", BackwardLinear(), 128), 47, 22),
    "CROWN margins, robust, 1000": Case(margins("robust", BackwardLinear(), 1000), 133, 89),
    "CROWN margins, by PGD": Case(margins("by PGD", BackwardLinear(), 128), 261, 25),
    "CROWN-IBP margins, by PGD": Case(margins("by PGD", BackwardLinear(Interval()), 1000)),
    "alpha-CROWN, hidden bounds fixed": Case(margins("by PGD", FIXED, 128), 581, 885),
    "alpha-CROWN": Case(margins("by PGD", OptimizedLinear(20), 128), 4791, 885),
    "PGD-50": Case(attack(1), 130, 66),
    "PGD-50 x 10": Case(attack(10), 1450, 650),
}
"""The rows by name; times recorded on an H200 are those of the first run there."""
