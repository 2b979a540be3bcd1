from io import StringIO

import pytest
from rich.console import Console

from hauberk.display import Display
from hauberk.kernels.progress import report

RECORD = {
    "kind": "epoch",
    "step": 10,
    "steps": 20,
    "epoch": 1.0,
    "loss": 0.51234,
    "clean": 0.9,
    "robust": 0.8,
    "measure": "certified",
    "seconds": 3.2,
    "validation_clean": 0.91,
    "validation_robust": None,
}


def shown(terminal: bool) -> str:
    output = StringIO()
    with Display(Console(file=output, force_terminal=terminal, width=120)) as display:
        display.training({**RECORD, "kind": "step"})
        display.training(RECORD)
        display.evaluation("linf eps 0.1", 50, 100)
        display.evaluation("linf eps 0.1", 100, 100)
    return output.getvalue()


def test_without_a_terminal_there_is_one_plain_line_an_epoch_and_a_stage():
    assert shown(terminal=False).splitlines() == [
        "epoch 1  loss 0.512  clean 90.0 %  certified 80.0 %  | held out: clean 91.0 %  3 s",
        "evaluated linf eps 0.1: 100 examples",
    ]


def test_of_a_thousand_epochs_a_hundred_are_lines():
    output = StringIO()
    with Display(Console(file=output, width=120)) as display:
        for step in range(3, 3001, 3):
            display.training(RECORD | {"step": step, "steps": 3000, "epoch": step / 3})
    lines = output.getvalue().splitlines()
    assert len(lines) == 100
    assert lines[0].startswith("epoch 10 ")
    assert lines[-1].startswith("epoch 1000 ")


def test_a_terminal_shows_bars_with_loss_and_accuracy():
    output = shown(terminal=True)
    for words in ("training", "loss 0.512", "clean 90.0 %", "certified 80.0 %", "evaluating", "linf eps 0.1", "50 %"):
        assert words in output


def test_variants_have_lines_and_bars_of_their_own():
    output = StringIO()
    with Display(Console(file=output, width=120)) as display:
        display.training(RECORD)
        display.training(RECORD | {"variant": "tiny"})
        assert len(display.tasks) == 2
    assert [line.split("  loss")[0] for line in output.getvalue().splitlines()] == ["epoch 1", "tiny  epoch 1"]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_long_bound_pass_says_what_it_bounds_until_there_is_other_news(monkeypatch, terminal):
    clock, output = [0.0], StringIO()
    monkeypatch.setattr("hauberk.display.monotonic", lambda: clock[0])
    with Display(Console(file=output, force_terminal=terminal, width=120)) as display:
        for clock[0], done in ((1.0, 8), (100.0, 2048), (101.0, 3072), (200.0, 4096)):
            report("bounds of conv (3 of 7)", done, 8192)
        display.evaluation("linf eps 0.1", 100, 100)
        assert [task.visible for task in display.live.tasks] == [False, True]
    report("bounds of conv (3 of 7)", 8192, 8192)
    lines = output.getvalue().splitlines()
    if not terminal:
        assert lines == [
            "bounds of conv (3 of 7): 2,048 of 8,192 rows",
            "bounds of conv (3 of 7): 4,096 of 8,192 rows",
            "evaluated linf eps 0.1: 100 examples",
        ]
