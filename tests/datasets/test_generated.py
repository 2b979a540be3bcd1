import pytest
import torch

from hauberk.datasets import Generated
from hauberk.errors import InputError


def means(x: torch.Tensor, y: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.stack([x[y == label].mean(0) for label in range(classes)])


@pytest.mark.parametrize("shape", [[3, 32, 32], [1, 28, 28], [20]])
def test_the_means_of_the_training_examples_classify_the_test_examples(shape):
    data = Generated(shape, classes=10, train=100, test=50)
    (x, y), (seen, wanted) = data.train().batch(slice(0, 100)), data.test().batch(slice(0, 50))
    assert x.shape == (100, *shape)
    distances = torch.cdist(seen.flatten(1), means(x, y, 10).flatten(1))
    assert distances.argmin(1).equal(wanted)


def test_examples_are_bytes_in_the_range_and_noisy():
    data = Generated([1, 8, 8], classes=2, train=4, test=2)
    split = data.train()
    assert split.inputs.dtype == torch.uint8
    x, y = split.batch(slice(0, 4))
    assert data.range[0] <= x.min() < x.max() <= data.range[1]
    assert y.tolist() == [0, 1, 0, 1]
    assert not x[0].equal(x[2])


def test_a_seed_makes_patterns_and_noise_and_splits_differ():
    data, again, other = (Generated([2, 8, 8], 3, 6, 6, seed=seed) for seed in (1, 1, 2))
    assert data.train().inputs.equal(again.train().inputs)
    assert not data.train().inputs.equal(data.test().inputs)
    assert not data.train().inputs.equal(other.train().inputs)


def test_patterns_are_blocks_the_same_in_both_splits():
    data = Generated([1, 16, 12], classes=1, train=400, test=400)
    first, second = (split.batch(slice(0, 400))[0].mean(0) for split in (data.train(), data.test()))
    assert (first - second).abs().max() < 0.06
    blocks = first.unfold(1, 4, 4).unfold(2, 3, 3)  # four by four blocks
    assert (blocks.amax((3, 4)) - blocks.amin((3, 4))).max() < 0.06
    assert first.std() > 0.1


def test_its_name_says_that_it_is_made_up():
    data = Generated([3, 4, 4], classes=5, train=7, test=2)
    assert "synthetic" in data.name
    assert data.classes == ("0", "1", "2", "3", "4")
    assert (len(data.train()), len(data.test())) == (7, 2)


@pytest.mark.parametrize(
    "wrong", [{"shape": []}, {"shape": [3, 0, 4]}, {"classes": 0}, {"train": 0}, {"test": -1}], ids=str
)
def test_impossible_arguments_are_refused(wrong):
    with pytest.raises(InputError, match="positive"):
        Generated(**{"shape": [3, 4, 4], "classes": 5, "train": 7, "test": 2} | wrong)
