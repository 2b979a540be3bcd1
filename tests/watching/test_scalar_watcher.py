"""What watchers draw, of which steps and variants, and that training outlives them."""

import sys
import warnings
from collections.abc import Callable

import pytest

from hauberk.errors import InputError
from hauberk.watching import ScalarWatcher, together
from hauberk.watching.scalar_watcher import imported

RECORD = {"kind": "epoch", "step": 3, "steps": 9, "loss": 0.5, "robust": None, "clean": 1, "measure": "attacked"}


class Noted(ScalarWatcher):
    """A watcher that notes what it is told, and fails where it is to."""

    def __init__(self, fails: str = ""):
        super().__init__()
        self.told, self.fails = [], fails

    def note(self, what: str, *facts):
        self.told.append((what, *facts))
        if what == self.fails:
            raise ConnectionError("the network is down")

    def begin(self, variant, step):
        self.note("begin", variant, step)
        return f"drawing of {variant}"

    def draw(self, drawing, scalars, step):
        self.note("draw", drawing, scalars, step)

    def end(self, drawing):
        self.note("end", drawing)


def test_numbers_are_drawn_by_kind_and_step_for_each_variant_apart():
    with Noted() as watcher:
        watcher(RECORD)
        watcher(RECORD | {"kind": "step", "step": 4, "learning_rate": 0.1})
        watcher({"variant": "tiny", "step": 1, "loss": 2.0})
    assert watcher.told == [
        ("begin", "", 3),
        ("draw", "drawing of ", {"epoch/loss": 0.5, "epoch/clean": 1.0}, 3),
        ("draw", "drawing of ", {"step/loss": 0.5, "step/clean": 1.0, "step/learning_rate": 0.1}, 4),
        ("end", "drawing of "),
        ("begin", "tiny", 1),
        ("draw", "drawing of tiny", {"step/loss": 2.0}, 1),
        ("end", "drawing of tiny"),
    ]


@pytest.mark.parametrize("fails", ["begin", "draw"])
def test_a_watcher_that_fails_warns_once_and_is_left_alone(fails: str):
    watcher = Noted(fails)
    with warnings.catch_warnings(record=True) as told:
        for step in (1, 2, 3):
            watcher(RECORD | {"step": step})
        watcher.close()
    assert [str(warning.message) for warning in told] == [
        "Noted failed and draws no more; training goes on: ConnectionError: the network is down"
    ]
    assert [what for what, *_ in watcher.told].count(fails) == 1


def test_an_end_that_fails_is_outlived():
    with pytest.warns(UserWarning, match="the network is down"), Noted("end") as watcher:
        watcher(RECORD)


def test_an_interruption_is_no_failure():
    class Interrupted(Noted):
        def draw(self, drawing, scalars, step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted()(RECORD)


def test_several_watch_together():
    seen: list[tuple[str, int]] = []

    def noting(name: str) -> Callable[[dict], None]:
        return lambda record: seen.append((name, record["step"]))

    together(noting("first"), noting("second"))(RECORD)
    assert seen == [("first", 3), ("second", 3)]


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=r"wandb cannot be imported .*: pip install 'hauberk\[wandb\]'\."):
        imported("wandb", "wandb")
