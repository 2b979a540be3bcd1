import pytest

from hauberk.attacks import FGSM
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.training import CollapseDetector

ATTACK = FGSM(CrossEntropy())


def test_a_fall_by_more_than_the_drop_is_a_collapse():
    detector = CollapseDetector(ATTACK)
    assert detector.collapsed(0.5, 0.29)
    assert not detector.collapsed(0.5, 0.31)
    assert not detector.collapsed(0.0, 0.0)


@pytest.mark.parametrize("drop", [0.0, 1.0, float("nan")])
def test_a_drop_that_is_no_share_is_refused(drop):
    with pytest.raises(InputError, match="drop to be a number between 0 and 1"):
        CollapseDetector(ATTACK, drop)
