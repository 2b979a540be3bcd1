"""Training against threats that differ by example."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.attacks import PGD
from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.dataset import Split
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer

N = 12
X = torch.rand(N, 3, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
RADII = X[:, 0] / 4
"""The radius of each example, which its first number gives away."""


@dataclass(frozen=True)
class Noted(Objective):
    """The clean loss; it notes the first number and the radius of each example that it sees."""

    seen: list = field(default_factory=list, compare=False)

    def identified_by(self):
        return "noted"

    def __call__(self, network, x, y, threat, *, progress, noise):
        S = threat.at(x)
        self.seen.extend(zip(x[:, 0].tolist(), S.radius.tolist(), strict=True))
        logits = network(x)
        return ObjectiveValue(CrossEntropy()(logits, y).mean(), logits.argmax(1) == y)


class Mirrored(Augmentation):
    """Swaps the last two numbers."""

    def __call__(self, x, noise):
        return x[:, [0, 2, 1]]


def fit(folder: Path, threat, data=None, **options):
    torch.manual_seed(0)
    objective = Noted()
    trainer = Trainer(objective, 2, Constant(0.1), batch=4, held_out=3, radius=Constant(0.5), **options)
    trainer.fit(nn.Linear(3, 2), Split(X, (X[:, 1] > 0.5).long()) if data is None else data, threat, folder)
    return objective.seen


def test_permuted_batches_and_held_out_examples_have_their_own_radii(tmp_path: Path):
    judge = PGD(CrossEntropy(), 1, 0.5)
    seen = fit(tmp_path, LinfBall(RADII), judge=judge, augmentation=Mirrored())
    assert len({first for first, _ in seen}) == N
    held_out = [radius for first, radius in seen if radius == pytest.approx(first / 4)]
    trained = [radius for first, radius in seen if radius == pytest.approx(first / 8)]
    assert (len(trained), len(held_out)) == (2 * (N - 3), 2 * 3)


def test_a_threat_to_another_number_of_examples_is_refused_before_the_first_step(tmp_path: Path):
    with pytest.raises(ShapeError, match="5 rows for 12 examples"):
        fit(tmp_path / "run", LinfBall(RADII[:5]))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_labels_of_any_width_and_folders_as_text_train_the_same(unchecked, tmp_path: Path):
    y = (X[:, 1] > 0.5).long()
    runs = [
        fit(str(tmp_path / name), LinfBall(0.1), given)
        for name, given in {
            "split": Split(X, y),
            "tensors": (X, y.to(torch.uint8)),
            "dataset": torch.utils.data.TensorDataset(X, y.int()),
        }.items()
    ]
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize(
    ("network", "words"),
    [(nn.Linear(3, 1), "two logits"), (nn.Linear(4, 2), "fails on inputs"), (nn.Linear(3, 2).double(), "float64")],
    ids=["one logit", "other inputs", "another type"],
)
def test_networks_that_do_not_fit_are_refused_before_the_first_step(network, words, tmp_path: Path):
    with pytest.raises(InputError, match=words):
        Trainer(Noted(), 1, Constant(0.1), 4, held_out=0).fit(
            network, Split(X, torch.zeros(N, dtype=torch.long)), LinfBall(0.1), tmp_path
        )
    assert not list(tmp_path.rglob("*.jsonl"))
