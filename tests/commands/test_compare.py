"""The command that compares runs: a table, and the path of a page."""

from pathlib import Path

import pytest

from hauberk.cli import main
from reports.synthetic import write_evaluation, write_run


def test_a_table_and_the_path_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs = [write_run(tmp_path / name) for name in "ab"]
    assert main(["compare", *map(str, runs)]) == 0
    output, errors = capsys.readouterr()
    assert output.count("Δ") == 3
    assert output.endswith(f"\n{runs[0] / 'comparison.html'}\n")
    assert errors == ""
    assert "2 runs compared" in (runs[0] / "comparison.html").read_text()


def test_evaluations_of_one_run_onto_a_page_of_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run, page = write_run(tmp_path / "a"), tmp_path / "out" / "page.html"
    place = run / "evaluations" / "strong"
    write_evaluation(place)
    (place / "recipe.yaml").write_text("threat: {eps: 0.1}\n")
    assert main(["compare", str(run), "--output", str(page)]) == 0
    assert "a: strong" in capsys.readouterr().out
    assert "2 evaluations compared" in page.read_text()
    assert main(["compare", str(place), str(run / "evaluation")]) == 0
    assert (place / "comparison.html").exists()


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["run"], "two runs or evaluations"),
        (["run", "run/"], "two runs or evaluations"),
        (["run", "cascade"], "cascade is the folder of a cascade"),
        (["sweep", "run"], "sweep is the folder of a sweep"),
        (["run", "no-such-run"], "no-such-run"),
        (["run", "empty"], "recipe.yaml"),
        (["run", "run/evaluations/never"], "--as 'never'"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(
    folders: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "run")
    (tmp_path / "cascade" / "stages" / "1").mkdir(parents=True)
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.yaml").touch()
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert main(["compare", *folders]) == 1
    output, errors = capsys.readouterr()
    assert (output, errors.count("\n")) == ("", 1)
    assert message in errors
    assert sorted(tmp_path.rglob("*")) == before
