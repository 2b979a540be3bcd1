"""Lines around ReLUs: the compiled twin to the bit, in any order of memory, at the edges and with gradients."""

import pytest
import torch

from hauberk.kernels import relu_lines as kernel
from hauberk.kernels.relu_lines import plain, relu_lines
from hauberk.kernels.rows import COMPILED

INF, NAN = float("inf"), float("nan")
ENDS = [-INF, -1e38, -2.0, -1.0, -1e-38, -0.0, 0.0, 1e-45, 1e-38, 1.0, 2.0, 1e38, INF, NAN]
SHAPE = (3, 5, 4, 7)
compiled = pytest.mark.skipif(not COMPILED, reason="without numba the plain twin is all there is to test")


def ends(dtype, shape=SHAPE):
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, *shape, generator=generator, dtype=dtype)
    return torch.minimum(one, other), torch.maximum(one, other)


def same(found, expected):
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=0, equal_nan=True)


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_the_compiled_twin_gives_the_same_bits_in_the_order_of_its_operands(order, dtype, monkeypatch):
    lower, upper = (t.contiguous(memory_format=order) for t in ends(dtype))
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "plain", None)  # not called
        found = relu_lines(lower, upper)
    same(found, plain(lower, upper))
    assert all(t.stride() == lower.stride() for t in found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_edges_are_those_of_torch(dtype):
    pairs = torch.tensor([(a, b) for a in ENDS for b in ENDS if not a > b], dtype=dtype)
    same(relu_lines(*pairs.T.contiguous()), plain(*pairs.T))


@pytest.mark.parametrize("changed", ["sliced", "expanded", "mixed"])
def test_operands_with_gaps_or_in_two_orders_are_left_to_torch(changed):
    lower, upper = ends(torch.float32)
    if changed == "sliced":
        lower, upper = lower[..., 1:], upper[..., 1:]
    elif changed == "expanded":
        lower, upper = lower[:1].expand(SHAPE), upper[:1].expand(SHAPE)
    else:
        lower = lower.contiguous(memory_format=torch.channels_last)
    same(relu_lines(lower, upper), plain(lower, upper))


def test_gradients_pass():
    lower, upper = (t.requires_grad_() for t in ends(torch.float64, (4, 3)))
    slope, intercept, _ = relu_lines(lower, upper)
    assert torch.autograd.gradcheck(lambda a, b: relu_lines(a, b)[:2], (lower, upper))
    assert slope.requires_grad
    assert intercept.requires_grad
