"""The names of balls, as the user wrote their radii."""

import pytest
import torch

from hauberk.threats import L2Ball, LinfBall, MaskedLinfBall, Union, WassersteinBall


@pytest.mark.parametrize(
    ("threat", "name"),
    [
        (LinfBall("1/255"), "linf eps 1/255"),
        (LinfBall(8 / 255), "linf eps 8/255"),
        (L2Ball("36/255"), "l2 eps 36/255"),
        (LinfBall("4/255").scaled(2), "linf eps 8/255"),
        (LinfBall("1/5"), "linf eps 0.2"),
        (LinfBall(0.3), "linf eps 0.3"),
        (LinfBall(0.1234567), "linf eps 0.123457"),
        (LinfBall(torch.tensor([0.1, 0.2])), "linf eps per example"),
        (Union([LinfBall("8/255"), L2Ball(0.5)]), "linf eps 8/255 or l2 eps 0.5"),
        (MaskedLinfBall("2/255", torch.ones(1, 1, 4, 4)), "linf on 1 of the pixels, eps 2/255"),
        (WassersteinBall("1/255", window=None), "Wasserstein (whole image) eps 1/255"),
    ],
)
def test_radii_are_written_as_fractions_of_255_where_they_are_such(threat, name):
    assert threat.name == name
