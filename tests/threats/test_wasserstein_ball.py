import math

import pytest
import torch

from hauberk.errors import InputError, ShapeError
from hauberk.threats import WassersteinBall


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"window": 4}, "odd number of pixels"),
        ({"window": 1}, "at least 3"),
        ({"p": 0.0}, "p (is a power|to be)"),
        ({"p": math.inf}, "p (is a power|to be)"),
        ({"tolerance": 0.0}, "tolerance to be"),
        ({"sharpness": 0.0}, "sharpness (is above|to be)"),
        ({"within": (0.1, 1.0)}, "counted from 0"),
        ({"within": (0.0, 0.0)}, "low < high"),
        ({"cost": [[1.0, 0.0]]}, "odd sides"),
        ({"cost": [[1.0, 0.0, 1.0], [1.0]]}, "odd sides"),
        ({"cost": []}, "odd sides"),
        ({"cost": [[1.0, 0.5, 1.0]]}, "staying costs 0"),
        ({"cost": [[0.0, 0.0, 1.0]]}, "moving from"),
        ({"cost": [[1e39, 0.0, 1.0]]}, "moving from"),
        ({"cost": [[1e-50, 0.0, 1.0]]}, "moving from"),
        ({"cost": [[10**400, 0, 1]]}, "too large"),
        ({"cost": [1.0, 0.0, 1.0]}, "list of rows"),
        ({"cost": 5}, "list of rows"),
        ({"window": "5"}, "window to be a positive integer"),
        ({"window": 5.0}, "window to be a positive integer"),
        ({"p": None}, "p to be"),
        ({"tolerance": "small"}, "tolerance to be"),
        ({"within": (0.0, math.inf)}, "within.* finite|finite value"),
        ({"within": (0.0, 0.5, 1.0)}, "low < high"),
        ({"within": 1.0}, "low < high"),
    ],
)
def test_balls_that_mean_nothing_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        WassersteinBall(0.1, **wrong)


def test_inputs_need_channels_rows_and_columns_and_no_negative_values():
    with pytest.raises(ShapeError, match="channels, rows and columns"):
        WassersteinBall(0.1).at(torch.zeros(1, 1, 1, 2, 2))
    with pytest.raises(InputError, match="must lie in"):
        WassersteinBall(0.1).at(torch.tensor([[-0.1, 0.5]]))
    with pytest.raises(InputError, match="must lie in"):
        WassersteinBall(0.1).at(torch.tensor([[0.1, 1.5]]))
    with pytest.raises(InputError, match="must lie in"):
        WassersteinBall(0.1, within=None).at(torch.tensor([[-0.1, 0.5]]))
    assert WassersteinBall(0.1, within=None).at(torch.tensor([[0.1, 1.5]])).contains(torch.tensor([[0.1, 1.5]]))


def test_ranges_that_a_precision_lacks_are_refused():
    with pytest.raises(InputError, match="float32 has no number as large"):
        WassersteinBall(0.1, within=(0.0, 1e39)).at(torch.rand(1, 1, 3, 3))


def test_costs_that_grow_too_large_with_the_window_are_refused():
    with pytest.raises(InputError, match="lower p or window"):
        WassersteinBall(0.1, window=7, p=64).at(torch.rand(1, 7, 7))


def test_windows_wider_than_the_image_cost_nothing_to_ask_for():
    x = torch.rand(1, 1, 3, 4)
    assert WassersteinBall(0.1, window=100_001).at(x).table == WassersteinBall(0.1, window=None).at(x).table
    assert WassersteinBall(0.1, window=None).at(torch.rand(2, 500)).contains(torch.rand(2, 500)).shape == (2,)


def test_names_tell_balls_apart():
    own = [{"cost": [[1.0, 0.0, 1.0]]}, {"cost": [[2.0, 0.0, 1.0]]}]
    kinds = [{}, {"window": 3}, {"window": None}, {"p": 2.0}, {"within": None}, *own]
    names = [WassersteinBall(0.1, **kind).name for kind in kinds]
    assert len(set(names)) == len(kinds)
    assert names[0] == "Wasserstein (5 x 5) eps 0.1"


def test_plans_too_large_for_memory_are_refused_in_a_word():
    with pytest.raises(InputError, match=r"447 x 447 offsets .* smaller window"):
        WassersteinBall(0.1, window=None).at(torch.zeros(1, 3, 224, 224))
    assert WassersteinBall(0.1, window=None).at(torch.zeros(1, 3, 32, 32)).contains(torch.zeros(1, 3, 32, 32))


def test_a_whole_image_is_the_largest_window():
    x = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    c = torch.randn(2, 3, 1, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    whole, wide = (WassersteinBall(0.3, window=window).at(x).support_function(c) for window in (None, 9))
    assert torch.equal(whole, wide)
