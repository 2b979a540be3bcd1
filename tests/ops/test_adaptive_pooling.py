"""Adaptive pooling: windows, and how many of them there are."""

import pytest
import torch

from hauberk.concepts.lowering import Value
from hauberk.ops.adaptive_pooling import lower_adaptive_pooling


def pooling(sizes, shape):
    return lower_adaptive_pooling(Value(0, shape), sizes, shape=(*shape[: -len(sizes)], *sizes)).make()


def test_a_global_pool_is_the_mean():
    z = torch.arange(24.0).view(1, 2, 3, 4)
    assert pooling((1, 1), (2, 3, 4))(z).flatten().tolist() == [5.5, 17.5]


def test_a_window_starts_at_a_rounded_share_and_rows_go_back_to_it():
    op = pooling((2,), (1, 3))
    assert op(torch.tensor([[[1.0, 2.0, 6.0]]])).flatten().tolist() == [1.5, 4.0]
    assert op.pull_back(torch.tensor([[[2.0, 4.0]]]), [(1, 3)])[0].flatten().tolist() == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("inputs", range(1, 10))
def test_the_numbers_of_inputs_and_windows_are_bounded(inputs):
    for outputs in range(1, 13):
        op = pooling((outputs,), (1, inputs))
        jacobian = op(torch.eye(inputs, dtype=torch.float64)[:, None])[:, 0] != 0
        assert op.window >= jacobian.sum(0).max()
        assert op.covering >= jacobian.sum(1).max()
