import math

import pytest
import torch

from hauberk.kernels import levels

DTYPES = [torch.float32, torch.float64]


def rows(dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(40, 30, generator=generator, dtype=dtype)
    a[torch.rand(40, 30, generator=generator) < 0.3] = 0
    room = torch.rand(40, 30, generator=generator, dtype=dtype)
    room[::3] = math.inf
    room[1::7] = 0
    radius = torch.linspace(0, 3, 40, dtype=torch.float64)[:, None]
    return a, room, radius


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["multiplier", "threshold"])
def test_compiled_and_plain_levels_agree(name, dtype):
    a, room, radius = rows(dtype)
    room = room.clamp(max=9) if name == "multiplier" else room
    found, plain = getattr(levels, name)(a, room, radius), getattr(levels, f"plain_{name}")(a, room, radius)
    cut = (
        (lambda t: torch.minimum(t.clamp(max=1e9) * a / a.amax(1, keepdim=True), room))
        if name == "multiplier"
        else (lambda t: torch.minimum((a - t).clamp(min=0), room))
    )
    torch.testing.assert_close(cut(found), cut(plain), rtol=0, atol=1e-12 if dtype == torch.float64 else 2e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("find", [levels.multiplier, levels.plain_multiplier])
def test_the_norm_at_the_multiplier_is_the_radius_or_all_the_room(find, dtype):
    a, room, radius = rows(dtype)
    room = room.clamp(max=9)
    t = find(a, room, radius).clamp(max=1e300)
    size = torch.minimum(t * a.double() / a.double().amax(1, keepdim=True), room.double())
    most = torch.where(a > 0, room.double(), 0).norm(dim=1)
    torch.testing.assert_close(size.norm(dim=1), torch.minimum(radius[:, 0], most), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("find", [levels.threshold, levels.plain_threshold])
def test_the_sum_at_the_threshold_is_the_radius_or_less_at_zero(find, dtype):
    a, room, radius = rows(dtype)
    t = find(a, room, radius)
    value = torch.minimum((a.double() - t).clamp(min=0), room.double()).sum(1)
    everything = torch.minimum(a, room).double().sum(1)
    torch.testing.assert_close(value, torch.minimum(radius[:, 0], everything), rtol=0, atol=1e-6)
    assert (t >= 0).all()
    assert (t[everything < radius[:, 0]] == 0).all()


def test_batches_of_rows_of_rows_have_levels_of_their_own():
    a, room, radius = rows(torch.float64)
    together = levels.multiplier(a.view(8, 5, 30), room.clamp(max=9).view(8, 5, 30), radius.view(8, 5, 1))
    assert torch.equal(together.flatten(), levels.multiplier(a, room.clamp(max=9), radius).flatten())
