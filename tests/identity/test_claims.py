"""Folders that keep to one experiment."""

from pathlib import Path

import pytest

from hauberk.errors import InputError
from hauberk.identity import claim


def test_a_folder_is_claimed_once(tmp_path: Path):
    claim(tmp_path, {"a": 1, "b": [1, 2, 3, 4]})
    written = (tmp_path / "plan.json").stat().st_mtime_ns
    claim(tmp_path, {"a": 1, "b": [1, 2, 3, 4]})
    assert (tmp_path / "plan.json").stat().st_mtime_ns == written
    with pytest.raises(
        InputError, match=r"another experiment, a: 1 there, 2 here; b\.0: 1 .*; b\.2: 3 .*; and 1 more\."
    ):
        claim(tmp_path, {"a": 2, "b": [9, 2, 9, 9]})
    with pytest.raises(InputError, match=rf"Delete {tmp_path} to start afresh, or choose another folder\."):
        claim(tmp_path, {"a": 2, "b": [1, 2, 3, 4]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"weights": "ab", "threat": "LinfBall(eps=0.1)"}', "earlier release"),
        ('{"identity": 99}', "another release"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("\xff\xfe", "cannot be read"),
        ("[1]", "holds no plan"),
    ],
)
def test_a_plan_that_says_nothing_certain_is_refused(text: str, message: str, tmp_path: Path):
    (tmp_path / "plan.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=rf"{message}.*Delete {tmp_path}"):
        claim(tmp_path, {"a": 1})
    assert (tmp_path / "plan.json").read_text(encoding="latin-1") == text


@pytest.mark.parametrize("held", ["records", "points", "curve"])
def test_results_without_a_plan_are_refused(tmp_path: Path, held: str):
    (tmp_path / held).mkdir()
    with pytest.raises(InputError, match=rf"holds {held}, but no plan\.json.*an earlier release"):
        claim(tmp_path, {"a": 1})
