"""The disagreement with its own gradient against torch's."""

import pytest
import torch

from hauberk.kernels import disagreement as kernel


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
@pytest.mark.parametrize("rows", [4, 6])
def test_both_agree_with_their_gradients(shape, rows):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, *shape, generator=generator, dtype=torch.float64)
    values[-1] = values[-3]
    values.requires_grad_()
    weights = torch.randn(2, generator=generator, dtype=torch.float64)
    found = [share(values, 2, 1.5) for share in (kernel.disagreement, kernel.plain)]
    gradients = [torch.autograd.grad((shares * weights).sum(), values)[0] for shares in found]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*gradients)
    assert (gradients[0][:-4] == 0).all()
