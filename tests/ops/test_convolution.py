"""The transpose of a convolution, by the library or by matrix products."""

from dataclasses import replace

import pytest
import torch

from hauberk.concepts.rows import Window
from hauberk.ops.convolution import Convolution
from step_counts import StepCounts

PRODUCTS = {"aten.mm", "aten.bmm", "aten.col2im"}


def convolution(channels, out, stride, device="cpu"):
    weight = torch.randn(out, channels, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Convolution(weight.to(device), None, (stride, stride), (1, 1), (1, 1), 1)


@pytest.mark.parametrize(("channels", "out", "stride"), [(1, 8, 1), (3, 4, 1), (3, 32, 1), (3, 4, 2), (8, 4, 1)])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_windows_are_spread_as_by_the_library(channels, out, stride, size):
    op = convolution(channels, out, stride)
    rows = torch.randn(5, out, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = torch.nn.functional.conv_transpose2d(rows, op.weight, None, stride)
    torch.testing.assert_close(op.spread(rows), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("channels", "stride"), [(1, 1), (3, 2)])
def test_only_cpus_transpose_by_products(channels, stride, device):
    op = convolution(channels, 32, stride, device)
    rows, window = torch.zeros(4, 32, 1, 1, dtype=torch.float64, device=device), Window((32, 8, 8), (8, 8))
    shapes = [(channels, 8 * stride, 8 * stride)]
    calls = (
        lambda: op.pull_back(rows.expand(-1, -1, 8, 8), shapes),
        lambda: op.pull_back_windows(rows, window, shapes),
    )
    for call in calls:
        with StepCounts() as counts:
            call()
        used = counts.operations.keys()
        assert bool(used & PRODUCTS) == (device == "cpu")
        assert ("aten.convolution" in used) == (device != "cpu")


def test_an_offset_is_the_bias_and_none_without():
    op, bias = convolution(2, 4, 2), torch.tensor([1.0, -2.0, 0.0, 3.0], dtype=torch.float64)
    assert op.homogeneous
    biased = replace(op, bias=bias)
    zero = torch.zeros(1, 2, 6, 6, dtype=torch.float64)
    assert not biased.homogeneous
    assert torch.equal(biased.offset([(2, 6, 6)], zero).expand(1, 4, 3, 3), biased(zero))
