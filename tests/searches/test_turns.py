import time

import pytest
import torch

from hauberk.searches.turns import Stage, take_turns

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises


class Work:
    """A stage that needs so many seconds for an example, and counts the calls of torch that it makes."""

    def __init__(self, name, examples, seconds, rows=0.0):
        self.done, self.calls, self.seconds = torch.zeros(examples, dtype=torch.bool), [], seconds
        self.stage = Stage(name, lambda: (~self.done).nonzero()[:, 0], self.work, rows)

    def work(self, part):
        for _ in range(len(part)):
            time.sleep(self.seconds)
            torch.zeros(1)
        self.calls.append(len(part))
        self.done[part] = True
        return True


def test_all_is_done_if_there_is_time():
    first, second = Work("a", 300, 0.0), Work("b", 7, 0.0)
    assert take_turns([first.stage, second.stage], 60) == []
    assert first.done.all()
    assert second.done.all()
    assert first.calls[0] == 1
    assert max(first.calls) <= first.stage.most


def test_a_slow_stage_leaves_a_share_to_the_others_and_is_named():
    slow, quick = Work("slow", 10, 0.4), Work("quick", 5, 0.0)
    cut = take_turns([slow.stage, quick.stage], 1.0)
    assert [stage.name for stage in cut] == ["slow"]
    assert quick.done.all()
    assert 1 <= slow.done.sum() <= 3
    assert slow.stage.each >= 0.4


def test_what_is_interrupted_counts_for_nothing_and_is_left():
    slow = Work("slow", 3, 0.2)
    slow.stage.each = 0.01  # so it takes more at once than it can finish
    assert take_turns([slow.stage], 0.3) == [slow.stage]
    assert len(slow.stage.left()) == 3 - int(slow.done.sum())
    torch.zeros(1)  # the clock is gone


def test_a_stage_whose_cost_is_foreseen_to_exceed_the_time_is_not_begun():
    cheap, hopeless = Work("cheap", 4, 0.05, rows=1), Work("hopeless", 4, 0.0, rows=1e6)
    assert take_turns([cheap.stage, hopeless.stage], 20) == [hopeless.stage]
    assert not hopeless.calls
    assert hopeless.stage.each > 1e4


def test_a_batch_that_does_not_fit_into_memory_is_halved():
    work, sizes = Work("large", 40, 0.0), []

    def greedy(part):
        sizes.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return work.work(part)

    work.stage.work = greedy
    assert take_turns([work.stage], 60) == []
    assert work.done.all()
    assert max(sizes) > 3


def test_one_example_that_does_not_fit_is_an_error():
    def greedy(part):
        raise torch.OutOfMemoryError("out of memory")

    stage = Stage("large", lambda: torch.arange(3), greedy)
    with pytest.raises(torch.OutOfMemoryError):
        take_turns([stage], 60)


def test_no_time_does_nothing():
    work = Work("a", 3, 0.0)
    assert take_turns([work.stage], 0.0) == [work.stage]
    assert not work.calls


def test_each_example_is_seen_once_even_if_it_stays_undecided():
    seen = []
    stage = Stage("a", lambda: torch.arange(9), lambda part: seen.extend(part.tolist()) or True)
    assert take_turns([stage], 60) == []
    assert sorted(seen) == list(range(9))


def test_a_stage_that_does_not_apply_is_left_nothing():
    calls = []
    stage = Stage("a", lambda: torch.arange(9), lambda part: calls.append(len(part)) or False)
    assert take_turns([stage], 60) == []
    assert calls == [1]
