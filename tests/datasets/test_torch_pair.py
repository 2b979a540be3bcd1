import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from hauberk.datasets import TorchPair
from hauberk.errors import InputError


class Pixels(Dataset):
    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int):
        return torch.full((1, 2, 2), index, dtype=torch.uint8), index % 2


def test_examples_are_those_of_the_torch_datasets_in_their_order():
    data = TorchPair(Pixels(5), Pixels(3), classes=2)
    x, y = data.train().batch(slice(None))
    assert torch.equal(x[:, 0, 0, 0] * 255, torch.arange(5.0))
    assert y.tolist() == [0, 1, 0, 1, 0]
    assert (len(data.test()), data.shape, data.classes, data.range) == (3, (1, 2, 2), ("0", "1"), (0.0, 1.0))


def test_name_and_range_are_those_given():
    data = TorchPair(Pixels(1), Pixels(1), 2, within=(-1.0, 1.0), name="pixels")
    assert (data.name, TorchPair(Pixels(1), Pixels(1), 2).name, data.range) == ("pixels", "Pixels", (-1.0, 1.0))


def test_what_holds_no_pairs_is_refused():
    alone = TensorDataset(torch.rand(3, 2))
    with pytest.raises(InputError, match="TensorDataset holds 3 items, not all pairs of an input and a label"):
        TorchPair(alone, alone, classes=2).train()
    with pytest.raises(InputError, match="TorchPair needs classes to be a positive integer"):
        TorchPair(Pixels(1), Pixels(1), classes=0)
