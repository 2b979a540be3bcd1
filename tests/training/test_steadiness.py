"""Which trainings may share statistics between processes."""

import pytest

from hauberk.attacks import PGD, Restarts, WorstOf
from hauberk.concepts.attack import Attack
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import TRADES, AdaptiveRadius, Adversarial, Free, Natural
from hauberk.schedules import Constant
from hauberk.training import CollapseDetector, Trainer

ENTROPY = CrossEntropy()
STEADY, HASTY = PGD(ENTROPY, 2, 0.5, stop_when_broken=False), PGD(ENTROPY, 2, 0.5)


def sharing(objective, detector=None) -> Trainer:
    return Trainer(objective, 1, Constant(0.1), shared_statistics=True, detector=detector)


@pytest.mark.parametrize(
    "objective",
    [
        Natural(ENTROPY),
        Free(ENTROPY),
        AdaptiveRadius(Adversarial(WorstOf([STEADY], ENTROPY), ENTROPY), 0.3, 0.2, 0.5),
    ],
)
def test_the_same_passes_everywhere_are_accepted(objective):
    assert sharing(objective, CollapseDetector(STEADY)).shared_statistics


@pytest.mark.parametrize("attack", [HASTY, WorstOf([STEADY, HASTY], ENTROPY), Restarts(STEADY, 2)])
def test_attacks_that_may_stop_are_refused_by_name(attack: Attack):
    with pytest.raises(InputError, match=type(attack).__name__):
        sharing(AdaptiveRadius(Adversarial(attack, ENTROPY), 0.3, 0.2, 0.5))
    with pytest.raises(InputError, match=type(attack).__name__):
        sharing(Natural(ENTROPY), CollapseDetector(attack))


def test_an_attack_in_a_hurry_is_refused_in_trades():
    with pytest.raises(InputError, match="stop_when_broken=False"):
        sharing(TRADES(HASTY, ENTROPY))
