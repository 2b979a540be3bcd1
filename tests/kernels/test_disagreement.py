"""The compiled disagreement against torch's own operations."""

import pytest
import torch

from hauberk.kernels import disagreement as kernel

pytest.importorskip("numba", reason="without numba the plain loops are all there is to test")


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
@pytest.mark.parametrize("rows", [4, 6])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_compiled_and_plain_loops_agree_with_their_gradients(dtype, shape, rows):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, *shape, generator=generator, dtype=dtype)
    values[-1] = values[-3]
    values.requires_grad_()
    weights = torch.randn(2, generator=generator, dtype=dtype)
    found = [share(values, 2, 1.5) for share in (kernel.Disagreement.apply, kernel.plain)]
    gradients = [torch.autograd.grad((shares * weights).sum(), values)[0] for shares in found]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*gradients)
    assert (gradients[0][:-4] == 0).all()
