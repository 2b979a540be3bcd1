"""What is accepted as labels and inputs."""

import numpy as np
import pytest
import torch

from hauberk.accepted import folder_at, inputs, labels
from hauberk.errors import InputError, ShapeError

WIDTHS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32]


@pytest.mark.parametrize("dtype", WIDTHS, ids=str)
def test_integers_of_any_width_are_the_same_labels(dtype):
    found = labels(torch.tensor([2, 0, 1]).to(dtype), 3, 3)
    assert found.dtype == torch.int64
    assert found.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "y", [[2, 0, 1], (2, 0, 1), np.array([2, 0, 1], dtype=np.uint8)], ids=["list", "tuple", "numpy"]
)
def test_labels_need_not_be_tensors(y):
    assert labels(y, 3).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "y",
    [
        torch.zeros(3),
        torch.zeros(3, dtype=torch.bool),
        torch.zeros(3, dtype=torch.complex64),
        torch.zeros(2, dtype=torch.long),
        torch.zeros(3, 1, dtype=torch.long),
        torch.tensor(1),
        ["a", "b", "c"],
        None,
        [0, None, 1],
        object(),
    ],
    ids=["float", "bool", "complex", "too few", "column", "a number", "text", "none", "a gap", "object"],
)
def test_what_is_not_one_integer_each_is_refused(y):
    with pytest.raises(ShapeError, match="labels"):
        labels(y, 3)


def test_one_hot_labels_are_refused_with_what_to_do():
    with pytest.raises(ShapeError, match=r"y\.argmax\(1\)"):
        labels(torch.eye(3), 3)


@pytest.mark.parametrize(
    ("y", "place", "value"), [([0, 5, 1], 1, 5), ([-1, 0, 1], 0, -1), ([0, 4, -3], 2, -3)], ids=["above", "-1", "below"]
)
def test_labels_outside_the_classes_are_refused_by_place_and_value(y, place, value):
    with pytest.raises(InputError, match=rf"0\.\.4 .*example {place} is {value}\."):
        labels(torch.tensor(y), 3, 5)


def test_no_labels_fit_no_examples():
    assert labels(torch.zeros(0, dtype=torch.long), 0, 5).shape == (0,)


@pytest.mark.parametrize("x", [np.zeros((2, 3)), [[0.0, 1.0, 2.0]], torch.zeros(2, 3, dtype=torch.bfloat16)])
def test_batches_of_floating_point_numbers_are_inputs(x):
    assert inputs(x).is_floating_point()


@pytest.mark.parametrize(
    "x", [torch.zeros(2, 3, dtype=torch.long), torch.zeros(3), torch.tensor(1.0), "text", None, [[1.0], [2.0, 3.0]]]
)
def test_other_inputs_are_refused(x):
    with pytest.raises(ShapeError, match="inputs are"):
        inputs(x)


def test_bytes_are_refused_with_the_advice_to_scale_them():
    with pytest.raises(ShapeError, match=r"x\.float\(\) / 255"):
        inputs(torch.zeros(2, 3, dtype=torch.uint8))


def test_folders_are_paths_or_text(tmp_path):
    assert folder_at(str(tmp_path)) == folder_at(tmp_path) == tmp_path
    with pytest.raises(InputError, match="a folder is a path, but is 5"):
        folder_at(5)


def test_arrays_of_any_memory_order_are_accepted():
    big = np.array([2, 0, 1], dtype=">i4")
    assert labels(big, 3).tolist() == [2, 0, 1]
    assert labels(big[::-1], 3).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    "y",
    [
        torch.tensor([0, 1, 0]).to_sparse(),
        torch.nested.nested_tensor([torch.tensor([0, 1]), torch.tensor([2])]),
        np.ma.array([0, 1, 2], mask=[False, True, False]),
    ],
    ids=["sparse", "nested", "masked"],
)
def test_what_has_no_value_for_every_place_is_refused(y):
    with pytest.raises(ShapeError, match="labels are one dense tensor"):
        labels(y, 3)
