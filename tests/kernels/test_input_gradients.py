import pytest
import torch
import torch.nn.functional as F

from hauberk.kernels.input_gradients import InputGradients

CASES = [
    {"channels": 1, "kernel": (4, 4), "stride": 2, "padding": 1},
    {"channels": 3, "kernel": (3, 3), "padding": 1},
    {"channels": 2, "kernel": (3, 2), "stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)},
    {"channels": 4, "kernel": (5, 5), "stride": 3},
    {"channels": 8, "kernel": (3, 3), "stride": 2, "padding": 1},
    {"channels": 4, "kernel": (3, 3), "groups": 2},
    {"channels": 3, "kernel": (3, 3), "padding": "same"},
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients_are_those_of_torch(case, dtype):
    case = dict(case)
    generator = torch.Generator().manual_seed(0)
    channels, kernel = case.pop("channels"), case.pop("kernel")
    x = torch.randn(5, channels, 11, 9, generator=generator, dtype=dtype).requires_grad_()
    weight = torch.randn(6, channels // case.get("groups", 1), *kernel, generator=generator, dtype=dtype)
    weight.requires_grad_()
    bias = torch.randn(6, generator=generator, dtype=dtype)
    results = []
    for mode in (False, True):
        if mode:
            with InputGradients():
                out = F.conv2d(x, weight, bias, **case)
        else:
            out = F.conv2d(x, weight, bias, **case)
        direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
        results.append((out.detach(), torch.autograd.grad((out * direction).sum(), x)[0]))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_what_needs_no_gradient_or_is_under_autocast_goes_the_usual_way():
    x, weight = torch.randn(2, 1, 8, 8), torch.randn(3, 1, 3, 3)
    with InputGradients():
        assert torch.equal(F.conv2d(x, weight), torch.conv2d(x, weight))
        with torch.autocast("cpu", torch.bfloat16):
            out = F.conv2d(x.requires_grad_(), weight)
    assert out.dtype == torch.bfloat16
    assert torch.autograd.grad(out.sum(), x)[0].isfinite().all()
