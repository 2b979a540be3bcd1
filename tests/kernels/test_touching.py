"""The compiled distances against torch's own operations."""

import pytest
import torch

from hauberk.kernels import touching

pytest.importorskip("numba", reason="without numba the plain loops are all there is to test")
B, K, N = 5, 3, 41


def problem(dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(B, K, N, generator=generator, dtype=dtype)
    ends = torch.randn(2, B, N, generator=generator, dtype=dtype).sort(0).values
    values[0, :, :4] = 0
    ends[1, 1, :5] = 0
    return values, torch.rand(B, K, N, generator=generator) < 0.5, ends[0], ends[1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("seed", range(3))
def test_compiled_and_plain_loops_agree_with_their_gradients(dtype, seed):
    values, upper, low, high = problem(dtype, seed)
    needed = [t.requires_grad_() for t in (values, low, high)]
    weights = torch.randn(B, K, generator=torch.Generator().manual_seed(1), dtype=dtype)
    found = [loop(values, upper, low, high) for loop in (touching.Distances.apply, touching.plain)]
    gradients = [torch.autograd.grad((sums * weights).sum(), needed) for sums in found]
    torch.testing.assert_close(*found)
    for compiled, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(compiled, plain)


def test_distances_by_hand():
    values = torch.tensor([[[0.5, 0.5, -0.25, 3.0], [0.5, -0.5, 0.0, 3.0]]])
    upper = torch.tensor([[[False, True, True, True], [True, True, False, False]]])
    low, high = torch.tensor([[-1.0, -1.0, -1.0, 2.0]]), torch.tensor([[2.0, 1.0, 0.5, 4.0]])
    torch.testing.assert_close(touching.distances(values, upper, low, high), torch.tensor([[1.75, 2.0]]))
