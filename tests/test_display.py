from io import StringIO

from rich.console import Console

from hauberk.display import Display

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
