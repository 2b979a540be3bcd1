"""The command that exports results: nothing but them on standard output, or a file."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from hauberk.cli import main
from hauberk.commands import export
from hauberk.reports.exports import FORMATS
from hauberk.reports.exports import export as exported
from reports.synthetic import EXAMPLES, write_run


def test_the_formats_on_the_command_line_are_those_there_are():
    assert list(export.FORMATS) == list(FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_standard_output_gets_the_results_alone(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = write_run(tmp_path / "run")
    assert main(["export", str(run), "--format", form]) == 0
    output, errors = capsys.readouterr()
    assert (output, errors) == (exported([run], form), "")
    assert output.endswith("\n")
    file = tmp_path / "out" / "file"
    assert main(["export", str(run), "--format", form, "--output", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text(encoding="utf-8") == output


def test_other_programs_read_what_is_written(tmp_path: Path):
    runs = [str(write_run(tmp_path / name)) for name in ("a, b", "c")]
    for form in ("csv", "json"):
        assert main(["export", *runs, "--format", form, "--output", str(tmp_path / form)]) == 0
    table = pl.read_csv(tmp_path / "csv")
    assert table["run"].unique(maintain_order=True).to_list() == ["a, b", "c"]
    assert len(table) == 2 * EXAMPLES
    assert [run["run"] for run in json.loads((tmp_path / "json").read_text())["runs"]] == ["a, b", "c"]


@pytest.mark.parametrize("place", [".", "/dev/full", "pipe"])
def test_only_regular_files_are_written(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    run = write_run(tmp_path / "run")
    assert main(["export", str(run), "--format", "json", "--output", place]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert "is a folder, a device or a pipe" in errors


def test_a_run_that_cannot_be_read_leaves_an_older_file_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run, file = write_run(tmp_path / "run"), tmp_path / "file.json"
    file.write_text("old")
    (run / "evaluation" / "summary.json").write_text('{"seconds": NaN}')
    assert main(["export", str(run), "--format", "json", "--output", str(file)]) == 1
    assert "summary.json" in capsys.readouterr().err
    assert file.read_text() == "old"


def test_an_unknown_format_is_a_mistake_in_the_command_line(tmp_path: Path):
    with pytest.raises(SystemExit) as caught:
        main(["export", str(tmp_path), "--format", "xml"])
    assert caught.value.code == 2
