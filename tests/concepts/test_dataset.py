import pytest
import torch
from torch.utils import data

from hauberk.concepts.dataset import Split
from hauberk.errors import InputError


def split(stays):
    return Split(torch.arange(12, dtype=torch.uint8).view(3, 1, 2, 2), torch.tensor([0, 1, 2]), stays=stays)


@pytest.mark.parametrize(("stays", "place"), [(False, "meta"), (True, "cpu")])
def test_inputs_that_stay_go_to_the_device_a_batch_at_a_time(stays, place):
    moved = split(stays).to(torch.device("meta"))
    assert (moved.inputs.device.type, moved.labels.device.type) == (place, "meta")
    assert [part.device.type for part in moved.batch(torch.tensor([2, 0]))] == ["meta", "meta"]


def test_batches_are_the_same_wherever_the_inputs_stay():
    index = torch.tensor([2, 0])
    for found, expected in zip(split(True).batch(index), split(False).batch(index), strict=True):
        assert torch.equal(found, expected)


def test_a_slice_of_inputs_that_stay_stays_and_chosen_ones_are_copied():
    whole = split(True)
    part, chosen = whole.select(slice(0, 2)), whole.select(torch.tensor([0, 2]))
    assert part.stays
    assert part.inputs.data_ptr() == whole.inputs.data_ptr()
    assert not chosen.stays
    assert chosen.inputs.data_ptr() != whole.inputs.data_ptr()


X = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 1, 0])


class Items(data.Dataset):
    """A torch dataset of these items."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.items[number]


class Stream(data.IterableDataset):
    """A stream of no items."""

    def __iter__(self):
        return iter(())


HOLDERS = {
    "a split": Split(X, Y),
    "tensors": (X, Y),
    "arrays": (X.numpy(), Y.numpy().astype("uint8")),
    "lists": (X.tolist(), Y.tolist()),
    "a tensor dataset": data.TensorDataset(X, Y),
    "a loader": data.DataLoader(data.TensorDataset(X, Y), 2),
    "a shuffling loader": data.DataLoader(data.TensorDataset(X, Y), 2, shuffle=True, drop_last=True),
    "a dataset of tensors": Items(list(zip(X, Y, strict=True))),
    "a dataset of arrays and numbers": Items(list(zip(X.numpy(), Y.tolist(), strict=True))),
    "a subset": data.Subset(data.TensorDataset(X.repeat(2, 1), Y.repeat(2)), range(5, 10)),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_whatever_holds_the_examples_the_split_is_the_same(unchecked, holder):
    found = Split.of(holder)
    assert torch.equal(found.inputs, X)
    assert torch.equal(found.labels, Y)
    assert found.labels.dtype == torch.int64


REFUSED = {
    "a stream": Stream(),
    "a loader with its own collation": data.DataLoader(data.TensorDataset(X, Y), collate_fn=list),
    "a loader with its own sampler": data.DataLoader(data.TensorDataset(X, Y), sampler=[0, 1]),
    "inputs alone": data.TensorDataset(X),
    "items that are no pairs": Items([(X[0], 0, "a")]),
    "no items": Items([]),
    "pictures": Items([(object(), 0)]),
    "two shapes": Items([(X[0], 0), (X[1, :2], 1)]),
    "text labels": Items([(X[0], "cat")]),
    "one-hot labels": (X, torch.eye(3)[Y]),
    "masks as labels": (X, Y > 0),
    "integer inputs": (X.long(), Y),
    "one input": (X[0], Y[0]),
    "a path": "data.npz",
    "nothing": None,
}


@pytest.mark.parametrize("holder", REFUSED.values(), ids=REFUSED)
def test_what_holds_no_examples_is_refused(unchecked, holder):
    with pytest.raises(InputError) as caught:
        Split.of(holder)
    assert "\n" not in str(caught.value)
