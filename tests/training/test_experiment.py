"""A checkpoint is of one training: another one is refused by what differs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hauberk.attacks import FGSM, PGD, Transfer
from hauberk.concepts.dataset import Split
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import AdaptiveRadius, Adversarial
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Phase, Trainer, WeightAveraging


def network(seed: int = 0, dropout: float = 0.1) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Dropout(dropout), nn.ReLU(), nn.Linear(5, 3))


def frozen() -> nn.Module:
    made = network()
    made[3].bias.requires_grad_(False)
    return made


def with_constant() -> nn.Module:
    made = network()
    made.register_buffer("scale", torch.ones(1), persistent=False)
    return made


def data(value: float = 0.5, label: int = 0, pool: float = 0.25) -> Split:
    inputs, labels = torch.linspace(0, 1, 24 * 6).view(24, 6), torch.arange(24) % 3
    inputs[20, 3], labels[21] = value, label
    further = inputs.flip(0)
    further[0, 0] = pool
    return Split(inputs, labels, Split(further, labels))


def objective(shrink: float = 0.1, surrogate: int = 5) -> AdaptiveRadius:
    attack = Transfer(FGSM(CrossEntropy()), network(surrogate))
    return AdaptiveRadius(Adversarial(attack, CrossEntropy()), shrink=shrink)


def trainer(**changes: Any) -> Trainer:
    plain = Trainer(objective(), 2, Constant(1e-2), batch=8, held_out=4, checkpoint_steps=3, log_steps=1)
    return replace(plain, **changes)


class KilledError(Exception):
    pass


def kill(record: dict) -> None:
    if record["step"] == 5:
        raise KilledError


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training that was killed after a checkpoint."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.raises(KilledError):
        trainer().fit(network(), data(), LinfBall(0.05), folder, watch=kill)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Tensor]:
    """Return the weights of an undisturbed training."""
    return weights(tmp_path_factory.mktemp("whole"), resume=False)


def weights(folder: Path, *, resume: bool, method: Trainer | None = None, seed: int = 0) -> list[Tensor]:
    made = network(seed)
    (method or trainer()).fit(made, data(), LinfBall(0.05), folder, resume=resume)
    return list(made.state_dict().values())


@pytest.mark.parametrize("free", [{}, {"checkpoint_steps": 7}, {"log_steps": 4}], ids=["nothing", "saved", "logged"])
def test_what_the_weights_do_not_depend_on_may_change(
    free: dict[str, int], begun: Path, whole: list[Tensor], tmp_path: Path
):
    resumed = weights(copytree(begun, tmp_path / "begun"), resume=True, method=trainer(**free), seed=3)
    assert all(torch.equal(one, other) for one, other in zip(resumed, whole, strict=True))


OTHERS: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "epochs": (lambda: {"trainer": trainer(epochs=3)}, r"trainer\.epochs: 2 there, 3 here"),
    "rate": (
        lambda: {"trainer": trainer(learning_rate=Constant(0.02))},
        r"trainer\.learning_rate\.value: 0\.01 there, 0\.02 here",
    ),
    "objective": (
        lambda: {"trainer": trainer(objective=objective(shrink=0.2))},
        r"trainer\.objective\.shrink: 0\.1 there, 0\.2 here",
    ),
    "surrogate": (
        lambda: {"trainer": trainer(objective=objective(surrogate=6))},
        r"trainer\.objective\.objective\.attack\.surrogate\.weights: other values in 4 of 4 tensors, 0\.bias the first",
    ),
    "optimizer": (
        lambda: {"trainer": trainer(optimizer=lambda parameters: torch.optim.Adam(parameters, eps=1e-3))},
        r"trainer\.optimizer: 'class Adam' there, .*<lambda> here",
    ),
    "later phases": (
        lambda: {"trainer": trainer(later=[Phase(1, 8)])},
        r"trainer\.later: 0 parts there, 1 parts here",
    ),
    "judge": (lambda: {"trainer": trainer(judge=PGD(CrossEntropy()))}, r"trainer\.judge: None there, PGD here"),
    "averaging": (
        lambda: {"trainer": trainer(averaging=WeightAveraging())},
        r"trainer\.averaging: None there, WeightAveraging here",
    ),
    "seed": (lambda: {"trainer": trainer(seed=1)}, r"trainer\.seed: 0 there, 1 here"),
    "threat": (lambda: {"threat": LinfBall(0.06)}, r"threat\.eps: 0\.05 there, 0\.06 here"),
    "an input": (lambda: {"data": data(0.5 + 2**-23)}, r"inputs: sha256:\w{8}… float32 \(24, 6\) there"),
    "a label": (lambda: {"data": data(label=1)}, r"labels: sha256:\w{8}… int64 \(24,\) there"),
    "a pseudo-labelled input": (lambda: {"data": data(pool=0.5)}, r"pseudo_labelled\.inputs: sha256"),
    "dropout": (lambda: {"network": network(dropout=0.2)}, r"network\.1\.p: 0\.1 there, 0\.2 here"),
    "a frozen layer": (lambda: {"network": frozen()}, r"trained: 4 parts there, 3 parts here"),
    "a constant": (lambda: {"network": with_constant()}, r".*constants\.scale: none there, "),
    "precision": (
        lambda: {"network": network().double(), "data": Split(data().inputs.double(), data().labels)},
        r"network\.0\.bias: 'float32 \(5,\)' there, 'float64 \(5,\)' here",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_training_is_refused_by_what_differs(what: str, begun: Path):
    make, message = OTHERS[what]
    other = {"trainer": trainer(), "network": network(), "data": data(), "threat": LinfBall(0.05), **make()}
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=rf"000000003 cannot be restored: it is of another experiment, {message}"):
        other["trainer"].fit(other["network"], other["data"], other["threat"], begun, resume=True)
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before
