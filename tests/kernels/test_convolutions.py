from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F

from hauberk.kernels.convolutions import FastConvolutions, folds

CASES = [
    {"channels": 1, "kernel": (4, 4), "stride": 2, "padding": 1},
    {"channels": 3, "kernel": (3, 3), "padding": 1},
    {"channels": 2, "kernel": (3, 2), "stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)},
    {"channels": 4, "kernel": (5, 5), "stride": 3},
    {"channels": 8, "kernel": (3, 3), "stride": 2, "padding": 1},
    {"channels": 4, "kernel": (3, 3), "groups": 2},
    {"channels": 3, "kernel": (3, 3), "padding": "same"},
]


def settings(case, dtype=torch.float64):
    """An input, the parameters of a convolution, a direction of its result, and its other arguments."""
    case = dict(case)
    generator = torch.Generator().manual_seed(0)
    channels, kernel = case.pop("channels"), case.pop("kernel")
    x = torch.randn(5, channels, 11, 9, generator=generator, dtype=dtype)
    weight = torch.randn(6, channels // case.get("groups", 1), *kernel, generator=generator, dtype=dtype)
    bias = torch.randn(6, generator=generator, dtype=dtype)
    direction = torch.randn(F.conv2d(x, weight, bias, **case).shape, generator=generator, dtype=dtype)
    return x, weight, bias, direction, case


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_are_those_of_torch(case, weights, dtype):
    x, weight, bias, direction, case = settings(case, dtype)
    wanted = [x, weight, bias] if weights else [x]
    for tensor in (x, weight, bias):
        tensor.requires_grad_()
    results = []
    for mode in (nullcontext(), FastConvolutions(weights=weights)):
        with mode:
            out = F.conv2d(x, weight, bias, **case)
        results.append((out.detach(), *torch.autograd.grad((out * direction).sum(), wanted)))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("bias", [False, True])
def test_weights_learn_where_the_input_has_no_gradient(bias):
    x, weight, shift, direction, case = settings(CASES[0])
    parameters = [weight.requires_grad_(), *([shift.requires_grad_()] if bias else [])]
    results = []
    for mode in (nullcontext(), FastConvolutions(weights=True)):
        with mode:
            out = F.conv2d(x, weight, shift if bias else None, **case)
        results.append(torch.autograd.grad((out * direction).sum(), parameters))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_without_weights_they_get_no_gradient():
    x, weight, bias, _, case = settings(CASES[0])
    weight.requires_grad_()
    with FastConvolutions(weights=False):
        out = F.conv2d(x.requires_grad_(), weight, bias, **case)
    out.sum().backward()
    assert weight.grad is None


def test_second_derivatives_are_right():
    x, weight, bias, *_ = settings({"channels": 2, "kernel": (3, 3)})
    inputs = [x[:1, :, :5, :4].clone(), weight[:2].clone(), bias[:2].clone()]

    def convolution(*tensors):
        with FastConvolutions(weights=True):
            return F.conv2d(*tensors, stride=2, padding=1)

    assert torch.autograd.gradgradcheck(convolution, [tensor.requires_grad_() for tensor in inputs])


def test_what_needs_no_gradient_or_is_under_autocast_goes_the_usual_way():
    x, weight = torch.randn(2, 1, 8, 8), torch.randn(3, 1, 3, 3)
    with FastConvolutions(weights=False):
        assert torch.equal(F.conv2d(x, weight), torch.conv2d(x, weight))
        with torch.autocast("cpu", torch.bfloat16):
            out = F.conv2d(x.requires_grad_(), weight)
    assert out.dtype == torch.bfloat16
    assert torch.autograd.grad(out.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_has_gradients_too(dtype):
    x, weight, bias, direction, case = settings(CASES[0], dtype)
    with FastConvolutions(weights=True):
        out = F.conv2d(x.requires_grad_(), weight, bias, **case)
    found = torch.autograd.grad((out * direction).sum(), x)[0]
    exact = F.conv_transpose2d(direction.double(), weight.double(), stride=2, padding=1, output_padding=(1, 1))
    torch.testing.assert_close(found.double(), exact[..., :11, :9], rtol=0.05, atol=0.1)


@pytest.mark.parametrize(
    ("out", "channels", "kernel", "stride", "groups", "expected"),
    [
        (16, 1, (4, 4), (2, 2), 1, True),
        (64, 3, (3, 3), (1, 1), 1, True),
        (16, 3, (3, 3), (1, 1), 1, False),
        (4, 3, (3, 3), (2, 2), 1, True),
        (64, 8, (3, 3), (2, 2), 1, False),
        (16, 4, (3, 3), (2, 2), 4, False),
        (16, 1, (3,), (2,), 1, False),
    ],
)
def test_products_transpose_strided_layers_and_those_of_many_filters(out, channels, kernel, stride, groups, expected):
    assert folds(torch.zeros(out, channels // groups, *kernel), stride, groups) is expected
