import pytest
import torch

from hauberk.datasets import Points
from hauberk.errors import InputError


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_keep_their_distance_inside_the_square(seed):
    split = Points(count=12, separation=0.16, seed=seed).train()
    x = split.inputs
    assert x.shape == (12, 2)
    assert (x >= 0).all()
    assert (x <= 1).all()
    nearest = min(
        max(abs(a - b) for a, b in zip(x[i].tolist(), x[j].tolist(), strict=True)) for i in range(12) for j in range(i)
    )
    assert nearest > 0.16
    assert set(split.labels.tolist()) == {0, 1}


def test_both_splits_are_the_points_of_the_seed():
    points = Points(seed=3)
    first, again, other = points.train(), points.test(), Points(seed=4).train()
    assert first.inputs.equal(again.inputs)
    assert first.labels.equal(again.labels)
    assert not first.inputs.equal(other.inputs)
    assert points.name == "12 points (tested on the training points)"


def test_labels_are_fair_coins():
    labels = torch.cat([Points(count=4, seed=seed).train().labels for seed in range(100)])
    assert labels.float().mean().item() == pytest.approx(0.5, abs=0.1)  # four standard deviations


def test_a_square_without_room_is_refused():
    with pytest.raises(InputError, match=r"points farther than 0\.5 from each other, not 10"):
        Points(count=10, separation=0.5).train()


@pytest.mark.parametrize("arguments", [{"count": 0}, {"separation": 0.0}, {"separation": float("nan")}])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(InputError, match=r"(count|separation) to be a positive"):
        Points(**arguments)
