"""Batch norm over what several processes have: what torch computes on the whole batch."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hauberk.kernels.batch_statistics import SharedStatistics, batch_statistics

SHAPES = {"features": (7, 3), "sequences": (5, 3, 4), "images": (6, 3, 4, 5)}
OPTIONS = [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}]
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def inputs(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 5


def norm(shape: tuple[int, ...], **options) -> nn.Module:
    made = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](3, **options).double()
    if made.affine:
        nn.init.uniform_(made.weight)
        nn.init.uniform_(made.bias)
    return made


@shapes
@pytest.mark.parametrize(
    "options", [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}], ids=str
)
def test_one_process_alone_sees_what_torch_computes(shape: tuple[int, ...], options: dict):
    torch.manual_seed(0)
    own, shared = norm(shape, **options), norm(shape, **options)
    shared.load_state_dict(own.state_dict())
    x = [inputs(shape).requires_grad_() for _ in range(2)]
    weights = inputs(shape, 1)
    expected = own(x[0])
    with SharedStatistics(lambda tensor: tensor):
        found = shared(x[1])
    torch.testing.assert_close(found, expected)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    torch.testing.assert_close(x[1].grad, x[0].grad)
    for one, other in zip(own.parameters(), shared.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad)
    for name, value in own.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value)


@shapes
def test_parts_of_a_batch_have_the_statistics_of_the_whole(shape: tuple[int, ...]):
    whole = inputs(shape)
    mine, yours = whole[:2], whole[2:]
    sums = [torch.cat([yours.transpose(0, 1).flatten(1).sum(1), torch.tensor([yours[:, 0].numel()])])]
    mean = whole.transpose(0, 1).flatten(1).mean(1)
    sums.append((yours.transpose(0, 1).flatten(1) - mean[:, None]).square().sum(1))
    replies = iter(sums)
    with SharedStatistics(lambda tensor: tensor + next(replies)):
        found = batch_statistics(mine)
    for part, expected in zip(found, batch_statistics(whole), strict=True):
        torch.testing.assert_close(part, expected)


def test_evaluation_and_what_follows_are_torchs_own():
    layer, x = norm((6, 3, 4, 5)).eval(), inputs((6, 3, 4, 5))
    with SharedStatistics(lambda tensor: tensor * torch.nan):
        torch.testing.assert_close(
            layer(x), F.batch_norm(x, layer.running_mean, layer.running_var, *layer.parameters())
        )
        layer.train()
        assert layer(x).isnan().all()
    assert norm((6, 3, 4, 5))(x).isfinite().all()
    assert batch_statistics(x)[0].isfinite().all()


def test_half_precision_goes_in_and_out():
    x = inputs((6, 3, 4, 5)).bfloat16()
    with SharedStatistics(lambda tensor: tensor):
        found = F.batch_norm(x, None, None, training=True)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), F.batch_norm(x.float(), None, None, training=True), rtol=0.01, atol=0.02)
