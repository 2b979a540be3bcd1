"""How many roundings each affine operator allows for: the numbers of its terms, counted by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hauberk.capture import capture
from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.rounding import rounding_factor
from hauberk.ops.adaptive_pooling import AdaptiveAveragePooling
from hauberk.ops.arithmetic import Add, ScaleShift
from hauberk.ops.average_pooling import AveragePooling
from hauberk.ops.batch_norm import BatchNorm
from hauberk.ops.concatenation import Concatenation, Stack
from hauberk.ops.convolution import Convolution
from hauberk.ops.copying import Copying
from hauberk.ops.dropout import Dropout
from hauberk.ops.hardtanh import HardSigmoid, Hardtanh
from hauberk.ops.leaky_relu import LeakyReLU
from hauberk.ops.linear import Linear
from hauberk.ops.matrix_product import MatrixProduct
from hauberk.ops.max_pooling import MaxPooling
from hauberk.ops.padding import Padding
from hauberk.ops.reduction import Reduction
from hauberk.ops.reshape import Permute, Reshape
from hauberk.ops.transposed_convolution import TransposedConvolution

DTYPE = torch.float64
SHAPE = (4, 5, 6)


def zeros(*shape):
    return torch.zeros(shape, dtype=DTYPE)


def lowered(function, kind):
    """Return the operators of a kind in a function of inputs of this shape."""

    class Network(nn.Module):
        def forward(self, x):
            return function(x).flatten(1)

    graph = capture(Network(), torch.zeros(2, *SHAPE)).frozen()
    return [node.op for node in graph.nodes if isinstance(node.op, kind)]


@pytest.mark.parametrize("bias", [None, zeros(7)])
def test_a_matrix_sums_its_inputs_and_a_constant_and_back_its_outputs(bias):
    op = Linear(zeros(7, 120), bias)
    assert (op.roundings, op.roundings_back) == (120 + 1, 7)


def test_a_product_counts_the_terms_of_its_side():
    right = MatrixProduct(zeros(6, 3), None, False, 3)
    left = MatrixProduct(zeros(7, 5), None, True, 7)
    vectors = [MatrixProduct(zeros(6), None, side, 1) for side in (False, True)]
    assert [op.roundings for op in (right, left, *vectors)] == [6 + 1, 5 + 1, 6 + 1, 6 + 1]
    assert [op.roundings_back for op in (right, left, *vectors)] == [3, 7, 1, 1]
    matrix, plane = torch.ones(4, 6, 3), torch.ones(7, 5)
    (enlarging,) = lowered(lambda x: x[:, :1] @ matrix, MatrixProduct)
    assert enlarging.roundings_back == 4 * 3, "every element meets three columns in each of four matrices"
    (whole,) = lowered(lambda x: plane @ x, MatrixProduct)
    assert whole.roundings_back == 7


def test_a_convolution_sums_its_kernel_and_back_the_kernels_over_an_input():
    for groups, channels in ((1, 4), (2, 2)):
        op = Convolution(zeros(6, channels, 3, 2), None, (1, 1), (0, 0), (1, 1), groups)
        assert (op.roundings, op.roundings_back) == (channels * 6 + 1, 6 // groups * 6)
        other = TransposedConvolution(zeros(6, channels, 3, 2), None, (1, 1), (0, 0), (0, 0), groups, (1, 1))
        assert (other.roundings, other.roundings_back) == (6 // groups * 6 + 1, channels * 6)


def test_means_sum_their_windows_and_divide_once():
    op = AveragePooling((2, 3), (2, 3), (0, 0), False, True, None)
    assert (op.roundings, op.roundings_back) == (6 + 1, 6 + 1)
    op = Reduction((2, 3), False, True, 30)
    assert (op.roundings, op.roundings_back) == (30 + 1, 1)
    (op,) = lowered(lambda x: x.mean((2, 3)), Reduction)
    assert op.roundings == 5 * 6 + 1


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7, 12])
def test_adaptive_windows_are_never_larger_than_counted_nor_over_an_input_more_often(size):
    (op,) = lowered(lambda x: F.adaptive_avg_pool2d(x, (size, 6)), AdaptiveAveragePooling)
    windows = [(5 * i // size, math.ceil(5 * (i + 1) / size)) for i in range(size)]
    largest = max(end - start for start, end in windows)
    over = max(sum(start <= place < end for start, end in windows) for place in range(5))
    assert 3 * largest + 1 <= op.roundings == 3 * (5 // size + 2) + 1
    assert 3 * over + 1 <= op.roundings_back == 3 * (size // 5 + 2) + 1


def test_copies_are_exact_and_back_each_place_is_a_term():
    (op,) = lowered(lambda x: x.repeat(1, 2, 1, 3), Copying)
    assert (op.roundings, op.roundings_back) == (0, 6)
    (op,) = lowered(lambda x: x[:, 1:3], Copying)
    assert (op.roundings, op.roundings_back) == (0, 1)
    op = Padding((3, 1, 0, 4), "reflect", 0.0)
    assert (op.roundings, op.roundings_back) == (1, (1 + 3 + 1) * (1 + 0 + 4))
    assert Padding((3, -1), "circular", 0.0).roundings_back == 1 + 3
    assert Padding((3, 1, 0, 4), "constant", 0.5).roundings_back == 1


def test_what_moves_elements_rounds_nothing_and_what_adds_two_rounds_twice():
    for op in (Reshape((6,)), Permute((0, 2, 1)), Dropout()):
        assert (op.roundings, op.roundings_back) == (0, 0)
    for op in (Concatenation((None, zeros(1, 3)), 1), Stack(1)):
        assert (op.roundings, op.roundings_back) == (1, 1)
    assert (Add(0.3).roundings, Add(0.3).roundings_back) == (2, 2)


def test_a_diagonal_counts_its_own_steps_and_those_of_computing_its_constants():
    """Scale: a sum, a root, a quotient and a product, or one quotient; shift: a product and a sum more."""
    statistics = zeros(4), zeros(4) + 1
    for op in (ScaleShift(zeros(4), zeros(4)), BatchNorm(zeros(4), zeros(4), *statistics, 0.1, 1e-5, 2)):
        assert op.roundings >= 2 + 4
        assert op.roundings_back >= 4


def test_activations_that_round_say_how_often():
    assert (LeakyReLU(0.3).roundings, HardSigmoid().roundings) == (1, 4)
    ends = {(-1.0, 1.0): 0, (0.1, 1.0): 1, (-math.inf, 0.3): 1, (0.0, math.inf): 0}  # 0.1 is no float32 number
    assert {pair: Hardtanh(*pair).roundings for pair in ends} == ends
    exact, eps = torch.tensor([[-3.0, 8.0]], dtype=DTYPE), torch.finfo(DTYPE).eps
    image = LeakyReLU(0.25).interval(Box(exact, exact))
    value = torch.tensor([[-0.75, 8.0]], dtype=DTYPE)
    for gap in (value - image.lower, image.upper - value):
        assert gap.tolist() == [[eps, 8 * eps]], "0.75 eps lies between two numbers, and is rounded to eps"


def test_pooling_counts_two_lines_for_each_window_over_an_input():
    (op,) = lowered(lambda x: F.max_pool2d(x, 3, 1), MaxPooling)
    assert op.additions == 2 * 9
    (op,) = lowered(lambda x: F.max_pool2d(x, 2), MaxPooling)
    assert op.additions == 2 * 1


def batch_norm(weight, bias):
    mean, variance = torch.tensor([3.0, -2.0], dtype=DTYPE), torch.tensor([0.75, 3.5], dtype=DTYPE)
    return BatchNorm(weight, bias, mean, variance, 0.1, 0.25, 2)


def test_a_batch_norms_constants_are_its_terms_before_they_cancel():
    weight, bias = torch.tensor([-2.0, 0.5], dtype=DTYPE), torch.tensor([-6.0, 1.0], dtype=DTYPE)
    op = batch_norm(weight, bias)
    # 1 / sqrt(0.75 + 0.25) = 1 and 1 / sqrt(3.5 + 0.25) = 0.5164
    scale = [-2.0, 0.5 / math.sqrt(3.75)]
    assert op.scale.flatten().tolist() == pytest.approx(scale)
    assert op.shift.flatten().tolist() == pytest.approx([-6.0 - 3 * scale[0], 1.0 + 2 * scale[1]])
    found = op.constants([(2, 1, 1)], weight).flatten().tolist()
    assert found == pytest.approx([6.0 + 3 * 2.0, 1.0 + 2 * scale[1]])
    assert found[0] > abs(op.shift.flatten()[0]) == 0
    assert batch_norm(weight, None).constants([(2, 1, 1)], weight).flatten().tolist() == pytest.approx(
        [3 * 2.0, 2 * scale[1]]
    )
    z = torch.tensor([2.0, 3.0], dtype=DTYPE).view(1, 2, 1, 1)
    assert op.terms(z).flatten().tolist() == pytest.approx([2 * 2.0 + 12.0, 3 * scale[1] + 1.0 + 2 * scale[1]])


class Plain(Affine):
    """A matrix that leaves to its concept whatever it can."""

    roundings, roundings_back = 3, 2

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def __call__(self, z):
        return F.linear(z, self.weight, self.bias)

    def absolute(self, z):
        return F.linear(z, self.weight.abs())


def test_what_is_carried_are_the_errors_and_a_share_of_all_terms():
    weight = torch.tensor([[1.0, -2.0], [0.0, 4.0]], dtype=DTYPE)
    bias = torch.tensor([-8.0, 0.5], dtype=DTYPE)
    error, magnitude = torch.tensor([[0.25, 0.5]], dtype=DTYPE), torch.tensor([[3.0, 5.0]], dtype=DTYPE)
    size = magnitude.sum(1) + 1
    terms, carried = [3 + 2 * 5 + 8, 4 * 5 + 0.5], [0.25 + 2 * 0.5, 4 * 0.5]
    for op in (Plain(weight, bias), Linear(weight, bias)):
        assert op.terms(magnitude).tolist() == [terms]
        share = 2 * rounding_factor(op.roundings + 8, DTYPE)
        found = op.carried([error * share], [magnitude], [size])
        expected = [[share * (c + t) for c, t in zip(carried, terms, strict=True)]]
        torch.testing.assert_close(found, torch.tensor(expected, dtype=DTYPE), rtol=1e-12, atol=0)
        nothing = op.carried([0 * error], [0 * magnitude], [size])
        assert ((nothing - share * bias.abs()) >= 0).all()
        assert (op.linear(0 * error) == 0).all()
        assert op.constants([(2,)], error).tolist() == [[8.0, 0.5]]


def test_affine_boxes_are_the_image_of_the_centre_and_the_radius_times_absolute_values():
    op = Plain(torch.tensor([[1.0, -2.0], [0.0, 4.0]], dtype=DTYPE), torch.tensor([-8.0, 0.5], dtype=DTYPE))
    image = op.interval(Box(torch.tensor([[1.0, 2.0]], dtype=DTYPE), torch.tensor([[3.0, 5.0]], dtype=DTYPE)))
    assert image.lower.tolist() == [[1 - 10 - 8, 8.5]]
    assert image.upper.tolist() == [[3 - 4 - 8, 20.5]]
