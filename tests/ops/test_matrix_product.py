"""Matrix products with constants; products of two perturbed values are refused."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError
from hauberk.ops.matrix_product import MatrixProduct


class Net(nn.Module):
    """A function of the input and of a square matrix."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.matrix = nn.Parameter(torch.eye(3))

    def forward(self, x):
        return self.function(x, self.matrix).flatten(1)


def test_rows_pass_on_the_side_of_the_matrix():
    matrix, z = torch.tensor([[1.0, -2.0], [0.0, 3.0]]), torch.tensor([[[1.0, 1.0], [2.0, 0.0]]])
    right, left = (MatrixProduct(matrix, None, left, 2) for left in (False, True))
    assert right(z).tolist() == [[[1, 1], [2, -4]]]
    assert left(z).tolist() == [[[-3, 1], [6, 0]]]
    rows = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert right.pull_back(rows, [(2, 2)])[0].tolist() == [[[1, 0], [-2, 3]]]
    assert left.pull_back(rows, [(2, 2)])[0].tolist() == [[[1, 0], [-2, 3]]]
    assert right.absolute(z).tolist() == [[[1, 5], [2, 4]]]


def test_rows_of_a_value_that_many_matrices_read_are_added():
    op = MatrixProduct(torch.tensor([[[1.0]], [[10.0]], [[100.0]]]), None, False, 3)
    assert op.pull_back(torch.tensor([[1.0, 2.0, 3.0]]).view(1, 3, 1, 1), [(1, 1, 1)])[0].item() == 321


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x, m: torch.addmm(x[:, 0], x[:, 1], m), "constant bias"),
    ],
)
def test_what_is_no_product_with_a_constant_is_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 3, 3))


@pytest.mark.parametrize("scaled", ["alpha", "beta"])
def test_scales_of_a_biased_product_are_refused(unchecked, scaled):
    module = Net(lambda x, m: torch.addmm(module.bias, x[:, 0], m, **{scaled: 2}))
    module.bias = nn.Parameter(torch.ones(3))
    with pytest.raises(UnsupportedOpError, match="separate operations"):
        capture(module, torch.rand(2, 3, 3))
