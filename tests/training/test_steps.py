"""What a training step asks of a device: few operations, and no wait for an answer."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from hauberk.accepted.reach import Later, asked_later
from hauberk.architectures import Small
from hauberk.attacks import FGSM, PGD
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.objective import Objective
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import (
    CROWNIBP,
    MTLIBP,
    SABR,
    TRADES,
    Adversarial,
    BoundRegularized,
    Certified,
    Free,
    FusedCertified,
    Hamming,
    Natural,
    Tightened,
)
from hauberk.regularizers import FastIBP, ReLUStability
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer
from hauberk.training import run as running
from hauberk.training.optimizers import OptimizerFactory
from hauberk.training.run import Run
from step_counts import StepCounts

BATCH, EPS = 16, 0.3
LOSS, NONE, HALF, ONE = CrossEntropy(), Constant(0.0), Constant(0.5), Constant(1.0)
ONE_STEP = FGSM(LOSS, 1.25)
STEPS = PGD(LOSS, 7, 0.25, stop_when_broken=False)
OBJECTIVES: dict[str, Objective] = {
    "natural": Natural(LOSS),
    "FGSM": Adversarial(ONE_STEP, LOSS),
    "PGD": Adversarial(STEPS, LOSS),
    "free": Free(LOSS),
    "TRADES": TRADES(STEPS, LOSS),
    "interval": Certified(Interval(), LOSS, NONE),
    "interval and regularizers": Certified(Interval(), LOSS, HALF, [FastIBP()]),
    "CROWN-IBP": CROWNIBP(Interval(), LOSS, NONE, HALF),
    "CROWN-IBP, fused": FusedCertified(Interval(), LOSS, NONE),
    "tightened": Tightened(Interval(), LOSS, NONE, NONE, ONE),
    "SABR": SABR(Interval(), STEPS, 0.4, LOSS, NONE),
    "MTL-IBP": MTLIBP(Interval(), ONE_STEP, HALF, LOSS, NONE),
    "Hamming": Hamming(LOSS, ONE, ONE),
    "RS loss": BoundRegularized(Adversarial(STEPS, LOSS), Interval(), [ReLUStability(ONE)]),
}


def examples() -> Split:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (BATCH, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return Split(pixels, torch.randint(0, 10, (BATCH,), generator=generator))


def run_of(
    objective: Objective, network: nn.Module, folder: Path, optimizer: OptimizerFactory = torch.optim.Adam
) -> Callable[[], None]:
    """Return the trainer's own step."""
    trainer = Trainer(objective, 1, Constant(1e-3), BATCH, held_out=0, optimizer=optimizer)
    run = Run(trainer, network, examples(), LinfBall(EPS), folder)
    return lambda: run.step(0, Progress(0, 1, 1), 1e-3)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_step_waits_for_an_accelerator(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, seen = OBJECTIVES[name], Small((1, 28, 28), 10).to("meta")
    if objective.needs_graph:
        seen_by = replace(capture(Small((1, 28, 28), 10), torch.rand(2, 1, 28, 28)), module=seen)
    else:
        seen_by = seen
    monkeypatch.setattr(Accelerator, "device", torch.device("meta"))
    monkeypatch.setattr(running, "prepared", lambda *_: seen_by)
    monkeypatch.setattr(running, "seed_generators", lambda *_: None)  # of a device that has none
    step = run_of(objective, seen, tmp_path, torch.optim.SGD)  # Adam counts its steps on the host
    step()
    with StepCounts(allow={"rounded"}) as counts:  # the ends of the range, on the host
        step()
    assert not counts.waits


def batch(data: Split) -> tuple[Tensor, Tensor]:
    order = torch.randperm(BATCH)
    return data.inputs[order].float() / 255, data.labels[order]


def plain(kind: str) -> Callable[[], None]:
    """Return a step as one would write it by hand."""
    network, data = Small((1, 28, 28), 10), examples()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, foreach=True)  # torch's own way on a GPU
    losses = {"natural": natural_loss, "FGSM": fgsm_loss, "PGD": pgd_loss, "interval": interval_loss}

    def step() -> None:
        loss = losses[kind](network, *batch(data))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def natural_loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(network(x), y)


def fgsm_loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    z = (x + (2 * torch.rand_like(x) - 1) * EPS).clamp(0, 1).requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(network(z), y), z)
    move = (z.detach() + 1.25 * EPS * gradient.sign() - x).clamp(-EPS, EPS)
    return F.cross_entropy(network((x + move).clamp(0, 1)), y)


def pgd_loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    z = x + (2 * torch.rand_like(x) - 1) * EPS
    for _ in range(7):
        z.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(z), y), z)
        z = torch.clamp(z.detach() + 0.25 * EPS * gradient.sign(), low, high)
    return F.cross_entropy(network(z), y)


def interval_loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loss of interval bounds of the margins, the last layer merged with them."""
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    center, radius = (low + high) / 2, (high - low) / 2
    *layers, last = network.children()
    assert isinstance(last, nn.Linear)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            radius = F.conv2d(radius, layer.weight.abs(), None, layer.stride, layer.padding)
        elif isinstance(layer, nn.Linear):
            radius = F.linear(radius, layer.weight.abs())
        elif isinstance(layer, nn.ReLU):
            low, high = (center - radius).relu(), (center + radius).relu()
            center, radius = (low + high) / 2, (high - low) / 2
            continue
        else:
            radius = layer(radius)
        center = layer(center)
    rows = last.weight[y].unsqueeze(1) - last.weight
    lower = torch.einsum("bkn,bn->bk", rows, center) + last.bias[y].unsqueeze(1) - last.bias
    lower = lower - torch.einsum("bkn,bn->bk", rows.abs(), radius)
    return F.cross_entropy(-lower, y)


@pytest.mark.parametrize("compiled", [True, False], ids=["as on a CPU", "as elsewhere"])
@pytest.mark.parametrize(("name", "most"), [("natural", 1.1), ("FGSM", 1.2), ("PGD", 1.2), ("interval", 1.3)])
def test_a_step_takes_hardly_more_operations_than_one_written_by_hand(
    name: str, most: float, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [module for key, module in sys.modules.items() if key.startswith("hauberk.")]:
        if hasattr(module, "COMPILED") and not compiled:
            monkeypatch.setattr(module, "COMPILED", False)
    found = []
    for step in (plain(name), run_of(OBJECTIVES[name], Small((1, 28, 28), 10), tmp_path)):
        step()
        with StepCounts() as counts:
            step()
        found.append(counts.operations.total())
    by_hand, ours = found
    assert ours <= most * by_hand, found


def test_the_range_of_inputs_is_asked_later_and_still_asked() -> None:
    checks, threat = Later(), LinfBall(0.1)
    with asked_later(checks):
        threat.at(torch.rand(2, 3, device="meta"))
        with pytest.raises(InputError, match="reach from"):
            threat.at(torch.tensor([[0.0, 1.5]]))  # on a CPU there is nothing to wait for
    assert set(checks.farthest) == {(0.0, 1.0)}


@pytest.mark.parametrize(
    ("values", "said"), [([0.2, 1.5], "0.1 to 1.5"), ([-3.0, 0.0], "-3 to 0.9"), ([0.0, torch.nan], "nan")]
)
def test_what_was_noted_is_refused_once(values: list[float], said: str) -> None:
    checks = Later()
    for part in ([0.1, 0.9], values, [0.3, 0.4]):
        checks.add(torch.tensor(part).amin(), torch.tensor(part).amax(), 0.0, 1.0)
    with pytest.raises(InputError, match=said):
        checks.settle()
    checks.settle()
