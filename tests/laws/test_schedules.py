"""What every schedule obeys, and the closed forms of the published ones."""

import itertools
import math

import pytest

from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError
from hauberk.schedules import Constant, Cosine, Piecewise, SmoothRamp, Steps
from laws.instances import instances, label


def at(schedule, step, steps=1000):
    return schedule(Progress(step, steps, 10))


@pytest.mark.parametrize("schedule", instances(Schedule), ids=label)
def test_a_finite_number_at_every_step_that_depends_on_the_progress_alone(schedule):
    values = [at(schedule, step) for step in range(1001)]
    assert all(math.isfinite(value) for value in values)
    assert values == [at(schedule, step) for step in range(1001)]


@pytest.mark.parametrize(("begin", "finish"), [(0.0, 0.5), (0.1, 0.9), (0.0, 1.0)])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.2, 0.05)])
def test_smooth_ramp_is_exact_at_its_ends_and_monotone(start, end, begin, finish):
    ramp = SmoothRamp(start, end, begin, finish)
    values = [at(ramp, step) for step in range(1001)]
    assert values[: int(1000 * begin) + 1] == [start] * (int(1000 * begin) + 1)
    assert values[int(1000 * finish) :] == pytest.approx([end] * (1001 - int(1000 * finish)), abs=1e-15)
    assert values == sorted(values, reverse=end < start)


def test_smooth_ramp_has_continuous_value_and_slope_at_the_bend():
    ramp, steps = SmoothRamp(0.0, 0.3, 0.1, 0.9), 10**9
    bend = round((0.1 + 0.25 * 0.8) * steps)
    below, value, above = (at(ramp, bend + d, steps) for d in (-1000, 0, 1000))
    assert above - value == pytest.approx(value - below, rel=1e-4)
    assert abs(above - below) < 1e-5


def test_smooth_ramp_by_its_formula():
    begin, finish, middle = 0.1, 0.9, 0.3
    growth = 2.0 / ((finish - middle) * 4 * (middle - begin) ** 3 + (middle - begin) ** 4)
    ramp = SmoothRamp(1.0, 3.0, begin, finish)
    assert at(ramp, 200) == pytest.approx(1 + growth * 0.1**4, abs=1e-12)
    bend = 1 + growth * 0.2**4
    assert at(ramp, 600) == pytest.approx(bend + (3 - bend) * 0.5, abs=1e-12)


def test_a_ramp_without_length_is_a_jump():
    ramp = SmoothRamp(0.0, 1.0, 0.25, 0.25)
    assert [at(ramp, step) for step in (0, 249, 250, 1000)] == [0.0, 0.0, 1.0, 1.0]


def test_piecewise_cyclic_learning_rate():
    cyclic = Piecewise([0.0, 0.4, 1.0], [0.0, 0.2, 0.0])
    assert [at(cyclic, t, 200) for t in (0, 40, 80, 140, 200)] == pytest.approx([0, 0.1, 0.2, 0.1, 0], abs=1e-12)


def test_piecewise_jumps_where_a_time_stands_twice():
    times, values = [0.0], [0.1]
    for drop in range(1, 10):
        times += [drop / 10] * 2
        values += [0.1 - 0.01 * (drop - 1), 0.1 - 0.01 * drop]
    found = [at(Piecewise(times, values), t, 500) for t in (0, 49, 50, 449, 450, 500)]
    assert found == pytest.approx([0.1, 0.1, 0.09, 0.02, 0.01, 0.01], abs=1e-12)


def test_piecewise_is_constant_outside_its_points():
    line = Piecewise([0.2, 0.6], [1.0, 3.0])
    assert [at(line, step) for step in (0, 200, 400, 600, 1000)] == pytest.approx([1, 1, 2, 3, 3])


@pytest.mark.parametrize(("times", "values"), [([], []), ([0.0, 1.0], [1.0]), ([0.5, 0.2], [1.0, 2.0])])
def test_piecewise_refuses_points_that_are_no_function(times, values):
    with pytest.raises(InputError):
        Piecewise(times, values)


def test_steps_of_the_multiple_schedule_and_the_end_of_each():
    multiple = Steps([epoch / 10 for epoch in range(10)], [0.1 - 0.01 * drops for drops in range(10)])
    found = [at(multiple, t, 500) for t in (0, 49, 50, 449, 450, 500)]
    assert found == pytest.approx([0.1, 0.1, 0.09, 0.02, 0.01, 0.01], abs=1e-12)


@pytest.mark.parametrize("batches", [1, 7, 391])
def test_steps_drop_at_the_first_step_of_an_epoch_however_many_steps_it_has(batches):
    drops = Steps([0, 100 / 200, 150 / 200], [0.1, 0.01, 0.001])
    found = [at(drops, t, 200 * batches) for t in (0, 100 * batches - 1, 100 * batches, 150 * batches, 200 * batches)]
    assert found == [0.1, 0.1, 0.01, 0.001, 0.001]


def test_steps_have_their_first_value_before_its_time():
    assert [at(Steps([0.5], [2.0]), step) for step in (0, 499, 500, 1000)] == [2.0] * 4


@pytest.mark.parametrize(
    ("times", "values"), [([], []), ([0.0, 1.0], [1.0]), ([0.5, 0.2], [1, 2]), ([0.5, 0.5], [1, 2])]
)
def test_steps_refuse_times_that_do_not_strictly_grow(times, values):
    with pytest.raises(InputError, match="strictly"):
        Steps(times, values)


def test_both_linear_learning_rates_of_the_overfitting_study():
    thesis = Piecewise([0, 0.5, 0.75, 1], [0.1, 0.1, 0.01, 0.01])
    assert [at(thesis, t, 200) for t in (0, 100, 125, 150, 200)] == pytest.approx(
        [0.1, 0.1, 0.055, 0.01, 0.01], abs=1e-12
    )
    released = Piecewise([0, 66 / 200, 133 / 200, 1], [0.1, 0.1, 0.01, 0.001])
    found = [at(released, t, 400) for t in (0, 132, 199, 266, 333, 400)]
    assert found == pytest.approx([0.1, 0.1, 0.055, 0.01, 0.0055, 0.001], abs=1e-12)


def test_several_cycles_are_straight_lines():
    cycles = Piecewise([0, 0.25, 0.5, 0.75, 1], [0, 0.2, 0, 0.1, 0])
    found = [at(cycles, t, 80) for t in (0, 10, 20, 40, 50, 60, 80)]
    assert found == pytest.approx([0, 0.1, 0.2, 0, 0.05, 0.1, 0], abs=1e-12)


def test_cosine_by_its_formula():
    found = [at(Cosine(0.1), t, 200) for t in range(201)]
    assert found == pytest.approx([0.05 * (1 + math.cos(math.pi * t / 200)) for t in range(201)], abs=1e-12)


@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_cosine_has_exact_ends_and_its_half_way_value(warmup):
    cosine = Cosine(0.5, 0.1, warmup)
    assert at(cosine, round(1000 * warmup)) == pytest.approx(0.5, abs=1e-12)
    assert at(cosine, 500 + round(500 * warmup)) == pytest.approx(0.3, abs=1e-12)
    assert at(cosine, 1000) == pytest.approx(0.1, abs=1e-12)


def test_cosine_warms_up_in_equal_steps_and_falls_steadily():
    values = [at(Cosine(0.5, 0.0, 0.1), step) for step in range(1001)]
    rises = [b - a for a, b in itertools.pairwise(values[:101])]
    assert 0 < values[0] == pytest.approx(rises[0])
    assert rises == pytest.approx([rises[0]] * 100)
    assert values[100:] == sorted(values[100:], reverse=True)


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_a_warmup_that_leaves_no_training_is_refused(warmup):
    with pytest.raises(InputError, match="warmup"):
        Cosine(0.5, 0.0, warmup)


def test_constant():
    assert at(Constant(0.3), 7) == 0.3


def test_epochs_are_fractional():
    assert Progress(25, 100, 10).epoch == 2.5
