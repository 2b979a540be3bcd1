"""The trainer's loss in other loops: the same gradients, and a network left as it was."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD
from hauberk.bounds import DualNetwork, Interval
from hauberk.concepts.dataset import Split
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.objectives import MTLIBP, AdaptiveRadius, Adversarial, Certified, Free, Hamming, Mixup, Natural
from hauberk.schedules import Constant, Piecewise
from hauberk.searches.start import RandomSigns
from hauberk.threats import LinfBall
from hauberk.training import RobustLoss, Trainer
from hauberk.training.batches import Batches
from longer import mostly_later

LOSS = CrossEntropy()
BATCH, EPOCHS, SEED = 8, 2, 3
RAMP = Piecewise([0.0, 1.0], [0.0, 1.0])
FAST = FGSM(LOSS, step=1.25, start=RandomSigns())
OBJECTIVES = {
    "natural": Natural(LOSS),
    "pgd": Adversarial(PGD(LOSS, steps=3, step=0.5, stop_when_broken=False), LOSS),
    "fast": Adversarial(FAST, LOSS),
    "free": Free(LOSS, replays=2),
    "intervals": Certified(Interval(), LOSS, RAMP),
    "dual network": Certified(DualNetwork(), LOSS, Constant(0.5)),
    "mixed": MTLIBP(Interval(), FAST, Constant(0.5), LOSS, Constant(0.2)),
    "mixup": Mixup(FAST, LOSS),
    "hamming": Hamming(LOSS, Constant(0.1), Constant(1.0)),
    "adaptive": AdaptiveRadius(Adversarial(FAST, LOSS), initial=0.5, shrink=0.1),
}


def made() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 3))


@pytest.fixture(scope="module")
def data() -> Split:
    x = torch.rand(2 * BATCH + 3, 6, generator=torch.Generator().manual_seed(1))
    return Split(x, (3 * x[:, 0]).long().clamp(max=2))


def trainer(objective, **further) -> Trainer:
    return Trainer(objective, EPOCHS, Constant(0.1), BATCH, torch.optim.SGD, RAMP, held_out=0, seed=SEED, **further)


@pytest.mark.parametrize("name", mostly_later(OBJECTIVES))
def test_a_loop_of_ones_own_ends_with_the_weights_of_the_trainer(name: str, data: Split, tmp_path: Path):
    objective, threat = OBJECTIVES[name], LinfBall(0.1)
    theirs, own = made(), made()
    method = trainer(objective)
    method.fit(theirs, data, threat, tmp_path)
    batches = Batches(method, data)
    loss, optimizer = RobustLoss(own, objective, threat, RAMP, SEED), torch.optim.SGD(own.parameters(), 0.1)
    for step in range(batches.plan.steps):
        index = batches.of(step)
        optimizer.zero_grad()
        loss(*data.batch(index), batches.plan.at(step).progress, index).backward()
        optimizer.step()
    expected = theirs.cpu().state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in own.state_dict().items())
    assert not all(torch.equal(value, expected[key]) for key, value in made().state_dict().items())


@pytest.mark.parametrize("name", mostly_later(OBJECTIVES))
def test_the_network_keeps_its_modes(name: str, data: Split):
    network = made()
    network.get_submodule("1").eval()
    before = deepcopy(network.state_dict())
    loss = RobustLoss(network, OBJECTIVES[name], LinfBall(0.1))
    loss(*data.batch(slice(0, BATCH)), Progress(2, 4, 2), torch.arange(BATCH)).backward()
    assert [part.training for part in network.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    loss.eval()
    assert not any(part.training for part in network.modules())


def test_noise_belongs_to_seed_and_step(data: Split):
    x, y = data.batch(slice(0, BATCH))

    def found(seed: int, step: int) -> float:
        return RobustLoss(made(), OBJECTIVES["fast"], LinfBall(0.1), seed=seed)(x, y, Progress(step, 9, 3)).item()

    assert found(0, 1) == found(0, 1)
    assert len({found(0, 1), found(1, 1), found(0, 2)}) == 3


def test_value_tells_which_examples_withstand(data: Split):
    network = made().eval()
    x, _ = data.batch(slice(0, BATCH))
    y = network(x).argmax(1)
    y[2] = (y[2] + 1) % 3
    value = RobustLoss(network, Certified(Interval(), LOSS, Constant(0.5)), LinfBall(0.0)).value(
        x, y, Progress(0, 1, 1)
    )
    assert value.correct is not None
    assert value.robust is not None
    assert value.correct.tolist() == value.robust.tolist() == [number != 2 for number in range(BATCH)]


def test_weights_have_one_name_in_a_checkpoint(data: Split):
    loss = RobustLoss(made(), OBJECTIVES["intervals"], LinfBall(0.1))
    loss(*data.batch(slice(0, BATCH)), Progress(0, 1, 1))
    assert set(loss.state_dict()) == {f"network.{key}" for key in made().state_dict()}


def test_what_cannot_be_trained_on_is_refused_by_name(data: Split):
    x, y = data.batch(slice(0, BATCH))
    once = Progress(0, 1, 1)
    with pytest.raises(InputError, match="AdaptiveRadius remembers each example: pass examples="):
        RobustLoss(made(), OBJECTIVES["adaptive"], LinfBall(0.1))(x, y, once)
    with pytest.raises(ShapeError, match="labels must be 8 integers"):
        RobustLoss(made(), OBJECTIVES["natural"], LinfBall(0.1))(x, y.float(), once)
    with pytest.raises(InputError, match="lazy parameters have no shape"):
        RobustLoss(nn.LazyLinear(3), OBJECTIVES["natural"], LinfBall(0.1))
