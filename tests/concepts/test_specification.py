"""Specifications: rows of every label, and refusals of what does not fit."""

import pytest
import torch

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, ShapeError
from hauberk.threats import LinfBall
from laws.instances import instances, label
from laws.networks import CLASSES, images, labels, network

DTYPE = torch.float64


@pytest.mark.parametrize("label", range(4))
def test_margins_compare_the_label_with_every_other_class_in_order(label: int):
    logits = torch.tensor([[1.0, -2.0, 5.0, 0.25]])
    others = [logits[0, j] for j in range(4) if j != label]
    found = LinearSpec.margins(torch.tensor([label]), 4).value(logits)
    assert found.tolist() == [[(logits[0, label] - other).item() for other in others]]


@pytest.mark.parametrize("label", [-3, -1, 3, 2**40])
def test_a_label_outside_the_classes_is_refused_by_value(label: int):
    with pytest.raises(InputError, match=str(label)):
        LinearSpec.margins(torch.tensor([0, label]), 3)


@pytest.mark.parametrize("y", [torch.tensor([0.0, 1.0]), torch.tensor([[0], [1]])])
def test_labels_that_are_no_batch_of_integers_are_refused(unchecked, y: torch.Tensor):
    with pytest.raises(ShapeError):
        LinearSpec.margins(y, 3)


@pytest.mark.parametrize("bounder", instances(Bounder), ids=label)
def test_nothing_is_broadcast_over_the_batch(unchecked, bounder):
    graph, S, noise = network("dense", 1).frozen(), LinfBall(0.1).at(images(3, 1)), Noise.of(0, torch.arange(3))
    whole = LinearSpec.margins(labels(3, 1), CLASSES, DTYPE)
    for wrong in (
        whole.select(torch.tensor([0])),
        whole.select(torch.tensor([0, 1, 2, 0])),
        LinearSpec(whole.rows[:, :, 1:], whole.offset),
        LinearSpec(whole.rows, whole.offset[:1]),
        LinearSpec(whole.rows, whole.offset[:, :1]),
        LinearSpec(whole.rows[:, :0], whole.offset[:, :0]),
    ):
        with pytest.raises(ShapeError, match=r"3 examples and 4 logits"):
            bounder(graph, S, wrong, noise=noise)
    assert bounder(graph, S, whole, noise=noise).lower.shape == (3, CLASSES - 1)


def test_select_keeps_rows_and_offsets_together():
    spec = LinearSpec(torch.randn(4, 2, 3), torch.randn(4, 2))
    logits, index = torch.randn(4, 3), torch.tensor([2, 0])
    assert torch.equal(spec.select(index).value(logits[index]), spec.value(logits)[index])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_margins_know_their_labels(classes, dtype):
    y = torch.arange(classes).repeat(2)
    spec = LinearSpec.margins(y, classes, dtype)
    assert torch.equal(spec.labels(), y)
    assert torch.equal(spec.select(torch.tensor([1, 0])).labels(), y[[1, 0]])
    assert torch.equal(LinearSpec(spec.rows + 0.0, -spec.offset).labels(), y)  # -0 is 0


def test_margins_of_no_example_have_no_labels_and_of_one_class_there_are_none():
    assert LinearSpec.margins(torch.zeros(0, dtype=torch.int64), 3).labels().shape == (0,)
    with pytest.raises(InputError, match="two classes or more"):
        LinearSpec.margins(torch.zeros(2, dtype=torch.int64), 1)


def test_rows_that_are_not_all_margins_of_a_label_have_none():
    spec = LinearSpec.margins(torch.tensor([1, 2]), 3)
    nan = spec.rows.clone()
    nan[1, 0, 0] = torch.nan
    small = spec.rows.clone()
    small[0, 0, 0] += 1e-6
    wrong = [
        (2 * spec.rows, spec.offset),
        (-spec.rows, spec.offset),
        (spec.rows.flip(1), spec.offset),
        (spec.rows[:, :1], spec.offset[:, :1]),
        (spec.rows[:, :0], spec.offset[:, :0]),
        (spec.rows[:, [0, 1, 1]], spec.offset[:, [0, 1, 1]]),
        (spec.rows, spec.offset - 0.1),
        (nan, spec.offset),
        (small, spec.offset),
        (torch.zeros_like(spec.rows), spec.offset),
        (spec.rows, spec.offset + torch.nan),
    ]
    for rows, offset in wrong:
        with pytest.raises(InputError, match=r"LinearSpec\.margins"):
            LinearSpec(rows, offset).labels()
