"""Windows added up by the compiled loop against torch's fold."""

import pytest
import torch
import torch.nn.functional as F

from hauberk.kernels import fold as kernel

pytest.importorskip("numba")
GEOMETRIES = {
    "strided": ((8, 8), (4, 4), (2, 2), (1, 1), (1, 1)),
    "overlapping": ((5, 7), (3, 2), (1, 1), (0, 0), (1, 1)),
    "unequal": ((9, 6), (3, 2), (2, 1), (2, 0), (1, 1)),
    "dilated": ((9, 9), (3, 3), (1, 2), (2, 1), (2, 3)),
    "short of the edge": ((8, 9), (2, 3), (3, 4), (0, 1), (1, 1)),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_compiled_and_plain_folds_agree_with_their_gradients(geometry, channels):
    size, kernel_size, stride, padding, dilation = geometry
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, channels, *size, generator=generator, dtype=torch.float64)
    shape = F.unfold(x, kernel_size, dilation, padding, stride).mT.shape
    columns = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
    found, plain = kernel.Fold.apply(columns, *geometry), kernel.plain(columns, *geometry)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-12)
    (compiled,), (expected,) = (torch.autograd.grad((each * x).sum(), columns) for each in (found, plain))
    torch.testing.assert_close(compiled, expected, rtol=0, atol=1e-12)
