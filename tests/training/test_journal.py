"""Means over several batches, by hand, and a journal that a kill has cut."""

import json
from pathlib import Path

import pytest
import torch

from hauberk.concepts.objective import ObjectiveValue
from hauberk.errors import InputError
from hauberk.training.journal import Journal, Tally
from hauberk.training.team import Team


def value(loss: float, correct: list[bool] | None, robust: list[bool] | None = None) -> ObjectiveValue:
    masks = [None if mask is None else torch.tensor(mask) for mask in (correct, robust)]
    return ObjectiveValue(torch.tensor(loss), *masks)


def test_means_are_over_examples_each_over_those_that_were_looked_at():
    team = Team("no")
    tally = Tally(team.device)
    tally.add(value(2.0, [True, False, True, True], [True, False, False, False]), 4)
    tally.add(value(5.0, [True, False]), 2)
    assert tally.averages(team) == pytest.approx({"loss": 18 / 6, "clean": 4 / 6, "robust": 1 / 4})
    tally.add(value(1.5, None, [True]), 1)
    assert tally.averages(team) == {"loss": 1.5, "clean": None, "robust": 1.0}, "asking starts anew"


def test_what_comes_after_the_step_that_a_training_resumes_from_is_dropped(tmp_path: Path):
    path, seen = tmp_path / "train.jsonl", []
    journal = Journal(path, seen.append, 0)
    for step in (1, 2, 3):
        journal.write({"step": step})
    assert seen == [{"step": 1}, {"step": 2}, {"step": 3}]
    with path.open("a") as file:
        file.write('{"step": 2, "cut')
    Journal(path, seen.append, 2).write({"step": 3, "again": True})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": 1},
        {"step": 2},
        {"step": 3, "again": True},
    ]
    Journal(path, seen.append, 0)
    assert path.read_text() == "", "a training from the start leaves nothing of an earlier one"


def test_a_silent_journal_neither_writes_nor_shows(tmp_path: Path):
    seen = []
    Journal(tmp_path / "train.jsonl", seen.append, 3, silent=True).write({"step": 4})
    assert not seen
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["{}", '{"step": "one"}', "{step: 1}", "[" * 100_000 + "}", "\x00}", '{"step": null}'])
def test_a_damaged_journal_is_named(line: str, tmp_path: Path):
    path = tmp_path / "train.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match=r"train\.jsonl is damaged"):
        Journal(path, print, 5)
    assert path.read_text() == line + "\n"
