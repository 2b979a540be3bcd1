"""The compiled walk over blocks of projections against torch's own operations."""

import pytest
import torch

from hauberk.kernels import blocks as kernel

pytest.importorskip("numba")
B, K, N = 3, 5, 37


@pytest.mark.parametrize("draws", [1, B], ids=["one draw for all", "a draw for each"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_compiled_and_plain_walks_agree_with_their_gradients(dtype, draws):
    generator = torch.Generator().manual_seed(0)
    sizes = {"blocks": (B, K, N), "slope": (B, N), "drawn": (draws, K, N), "half": (B, N)}
    given = {name: torch.randn(*size, generator=generator, dtype=dtype) for name, size in sizes.items()}
    needed = [given[name].requires_grad_() for name in ("blocks", "slope", "half")]
    weights = torch.randn(B, K, N, generator=generator, dtype=dtype)
    found, plain = kernel.RelaxBlocks.apply(*given.values()), kernel.plain(**given)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found, plain, rtol=0, atol=tolerance)
    for compiled, expected in zip(
        torch.autograd.grad((found * weights).sum(), needed),
        torch.autograd.grad((plain * weights).sum(), needed),
        strict=True,
    ):
        torch.testing.assert_close(compiled, expected, rtol=0, atol=tolerance)
