"""What an objective sees of precision: low where training alone is concerned, never where bounds are."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from digits import digits
from hauberk.architectures import WideResNet
from hauberk.attacks import FGSM
from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.schedule import Progress
from hauberk.kernels.full_precision import PLACES
from hauberk.losses import CrossEntropy
from hauberk.objectives import CROWNIBP, Adversarial, Certified, Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import RobustLoss, Trainer
from hauberk.training.run import Run
from hauberk.training.team import Team
from laws.networks import images, labels, network

LOSS, HALF = CrossEntropy(), Constant(0.5)
OBJECTIVES = [
    *(Natural(LOSS), Adversarial(FGSM(LOSS), LOSS), Certified(Interval(), LOSS, HALF)),
    *(CROWNIBP(Interval(), LOSS, HALF, HALF), Certified(BackwardLinear(), LOSS, HALF)),
]


class Seen(TorchDispatchMode):
    """A mode that notes the precision of products, that torch is told to use and that tensors have, and casts."""

    def __init__(self) -> None:
        super().__init__()
        self.told, self.types, self.casts = set(), set(), 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "bmm", "convolution"):
            self.told.add(tuple(place.fp32_precision for place in PLACES))
            self.types.add(args[1].dtype)
        self.casts += name == "_to_copy"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def fast():
    """Let torch round the operands of products."""
    torch.set_float32_matmul_precision("high")
    yield tuple(place.fp32_precision for place in PLACES)
    torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda made: type(made).__name__)
def test_bounds_are_computed_in_full_precision_whatever_is_allowed(objective, fast):
    graph, x, y = network("convolutional", 1, dtype=torch.float32), images(4, 1, torch.float32), labels(4, 1)
    loss = RobustLoss(graph.module, objective, LinfBall(0.05))
    loss(x, y, Progress(0, 1, 1))  # captures the network
    with Seen() as seen, torch.autocast("cpu", torch.bfloat16):
        loss(x, y, Progress(0, 1, 1))
    exact = objective.needs_graph
    assert seen.told == {("ieee",) * 6 if exact else fast}
    assert seen.types == {torch.float32 if exact else torch.bfloat16}


def test_training_in_tf32_tells_torch_so_while_it_lasts(tmp_path: Path):
    before = [place.fp32_precision for place in PLACES]
    told = []

    class Network(nn.Linear):
        def forward(self, x):
            told.append(PLACES[0].fp32_precision)
            return super().forward(x.flatten(1))

    trainer = Trainer(Natural(LOSS), 1, Constant(0.1), 50, held_out=0, precision="tf32")
    trainer.fit(Network(784, 10), digits(100), LinfBall(0.1), tmp_path)
    assert told == ["tf32"] * len(told) != []
    assert [place.fp32_precision for place in PLACES] == before


def test_a_step_in_bf16_casts_no_more_often_than_a_plain_loop(tmp_path: Path):
    data, eps = digits(8), 0.1
    trainer = Trainer(Adversarial(FGSM(LOSS), LOSS), 1, Constant(0.1), 8, held_out=0, precision="bf16")
    run = Run(trainer, WideResNet((1, 28, 28), 10, 10, 1), data, LinfBall(eps), tmp_path)
    run.step(0, Progress(0, 1, 1), 0.1)
    with Seen() as own:
        run.step(0, Progress(0, 1, 1), 0.1)
    plain = WideResNet((1, 28, 28), 10, 10, 1).train()
    with Seen() as loop:
        x, y = data.batch(slice(None))
        with torch.autocast("cpu", torch.bfloat16):
            z = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(F.cross_entropy(plain(z), y), z)
            loss = F.cross_entropy(plain(torch.clamp(x + eps * gradient.sign(), 0, 1)), y)
        loss.backward()
    assert torch.bfloat16 in own.types & loop.types
    assert own.casts <= loop.casts + 2  # those of the noise and of the radius


@pytest.mark.parametrize("last", [False, True])
def test_a_training_with_channels_last_resumes_and_leaves_them_first(tmp_path: Path, monkeypatch, last: bool):
    placed = Team.placed

    def forced(team: Team, network: nn.Module) -> nn.Module:
        team.channels_last = last
        return placed(team, network)

    monkeypatch.setattr(Team, "placed", forced)

    def killed(record: dict) -> None:
        if record.get("step") == 2:
            raise KeyboardInterrupt

    def fit(name: str, **settings) -> nn.Module:
        torch.manual_seed(0)
        made = nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(144, 10))
        trainer = Trainer(Natural(LOSS), 1, Constant(0.1), 25, held_out=0, log_steps=1, checkpoint_steps=1)
        trainer.fit(made, digits(100), LinfBall(0.1), tmp_path / name, **settings)
        return made

    whole = fit("whole")
    with pytest.raises(KeyboardInterrupt):
        fit("broken", watch=killed)
    resumed = fit("broken", resume=True)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert a.is_contiguous()
        assert torch.equal(a, b)
