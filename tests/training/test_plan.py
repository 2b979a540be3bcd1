import pytest

from hauberk.errors import InputError
from hauberk.training.plan import Phase, Plan


def test_phases_follow_each_other_and_schedules_count_in_epochs():
    plan = Plan([Phase(2, 5), Phase(1, 3), Phase(3, 20)], 12, replays=1)
    places = [plan.at(step) for step in range(plan.steps)]
    assert plan.steps == 2 * 3 + 4 + 3
    assert [place.epoch for place in places] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 5]
    assert [place.batch for place in places] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 0, 0, 0]
    assert [place.phase.batch for place in places] == [5] * 6 + [3] * 4 + [20] * 3
    assert [place.ends_epoch for place in places] == [
        *(False, False, True, False, False, True),
        *(False, False, False, True),
        *(True, True, True),
    ]
    for place in places:
        assert place.progress.epoch == pytest.approx(place.epoch + place.batch / place.progress.steps_per_epoch)
        assert place.progress.step / place.progress.steps == pytest.approx(place.progress.epoch / 6)


def test_replays_share_a_batch():
    plan = Plan([Phase(1, 5)], 12, replays=3)
    assert [plan.at(step).batch for step in range(plan.steps)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [plan.at(step).ends_epoch for step in range(plan.steps)] == [False] * 8 + [True]
    assert [plan.at(step).progress.step for step in range(plan.steps)] == list(range(9))


@pytest.mark.parametrize(("epochs", "batch", "name"), [(0, 5, "epochs"), (3, 0, "batch")])
def test_a_phase_needs_epochs_and_a_batch(epochs, batch, name):
    with pytest.raises(InputError, match=f"{name} to be an integer from 1 to a million, but it is 0"):
        Phase(epochs, batch)
