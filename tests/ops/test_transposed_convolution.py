"""Transposed convolutions: the transpose of a convolution, in every geometry."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from hauberk.ops.transposed_convolution import TransposedConvolution

DTYPE = torch.float64
GEOMETRIES = [
    (stride, padding, output_padding, groups, dilation)
    for stride, padding, output_padding, groups, dilation in itertools.product(
        [(1, 1), (2, 3)], [(0, 0), (1, 2)], [(0, 0), (1, 0), (2, 1)], [1, 2], [(1, 1), (3, 2)]
    )
    if all(o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True))
]


def drawn(*size, seed):
    return torch.randn(*size, dtype=DTYPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_pulled_rows_are_the_adjoint(geometry):
    stride, padding, output_padding, groups, dilation = geometry
    op = TransposedConvolution(
        drawn(4, 3, 2, 3, seed=0), drawn(3 * groups, seed=1), stride, padding, output_padding, groups, dilation
    )
    z = drawn(5, 4, 4, 3, seed=2)
    value = op(z) - op.offset([(4, 4, 3)], z)
    rows = drawn(*value.shape, seed=3)
    (pulled,) = op.pull_back(rows, [(4, 4, 3)])
    assert pulled.shape == z.shape
    torch.testing.assert_close((pulled * z).sum(), (rows * value).sum(), rtol=1e-12, atol=1e-12)


def test_it_undoes_the_geometry_of_a_convolution():
    weight, z = drawn(2, 3, 2, 2, seed=0), drawn(1, 2, 3, 3, seed=1)
    op = TransposedConvolution(weight, None, (2, 2), (1, 1), (1, 1), 1, (1, 1))
    x = drawn(1, 3, *op(z).shape[2:], seed=2)
    convolved = F.conv2d(x, weight, stride=2, padding=1)
    torch.testing.assert_close((op(z) * x).sum(), (z * convolved).sum(), rtol=1e-12, atol=1e-12)
