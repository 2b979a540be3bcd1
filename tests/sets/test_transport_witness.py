"""Plans that show images to be members of a Wasserstein ball."""

import pytest
import torch

from hauberk.threats import WassersteinBall


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_projections_are_members_where_pixels_reach_the_end_of_the_range(dtype):
    torch.manual_seed(0)
    x = torch.rand(3, 1, 12, 12, dtype=dtype)
    S = WassersteinBall(0.3).at(x)
    z = S.project(x + 0.2 * torch.randn_like(x).sign())
    assert (z == 1).any()
    assert S.contains(z).all()
    made = S.image(S.witness(z))
    assert (made - z).abs().max() <= (S.near * S.total).max() + torch.finfo(dtype).eps


def test_nothing_moves_in_a_black_image():
    x = torch.zeros(1, 1, 3, 3)
    plan = WassersteinBall(0.3).at(x).witness(x)
    assert not plan.any()
