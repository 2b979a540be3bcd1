"""Run folders: one process at a time, no claim by a start that fails, no leftovers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hauberk import workflow
from hauberk.atomic import replacing
from hauberk.cli import main
from hauberk.errors import HauberkError, InputError
from hauberk.exclusive import exclusive, hold
from test_workflow import RECIPE, read_recipe

HOLD = """
import sys
from pathlib import Path
from hauberk.exclusive import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return str(tmp_path / "recipe.yaml")


def test_another_process_is_refused_until_the_first_is_killed(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture
):
    folder = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert main(["train", recipe, "--run", str(folder)]) == 1
    assert capsys.readouterr().err.startswith(f"error: another process is at work in {folder}")
    assert not list(folder.iterdir())
    holder.kill()
    holder.communicate()
    with exclusive(folder), pytest.raises(InputError, match="another process"), exclusive(folder):
        pass


def test_a_folder_is_shared_by_those_who_say_so_or_held_alone(tmp_path: Path):
    two = hold(tmp_path, shared=True), hold(tmp_path, shared=True)
    with two[0], two[1], pytest.raises(InputError, match="another process is at work"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path), pytest.raises(InputError, match="another process"), hold(tmp_path, shared=True):
        pass


def test_a_folder_that_stays_empty_goes_again(tmp_path: Path):
    with pytest.raises(ValueError, match="refused"), exclusive(tmp_path / "evaluations" / "strong"):
        raise ValueError("refused")
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    with exclusive(tmp_path / "mine"):
        pass
    with exclusive(tmp_path / "other"):
        (tmp_path / "other" / "file").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "other"}


def test_leftovers_of_killed_writes_are_swept_and_nothing_else(tmp_path: Path):
    for name in (
        ".model.safetensors.unfinished-123",
        "sub/.000000005.unfinished-77/model.safetensors",
        "sub/.records.parquet.unfinished-1",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    kept = {tmp_path / name for name in ("sub", "model.safetensors", ".hidden", ".mine.7", "sub/1.2", "sub/.mine.txt")}
    for path in kept - {tmp_path / "sub"}:
        path.touch()
    with exclusive(tmp_path):
        assert set(tmp_path.rglob("*")) == kept


@pytest.mark.parametrize(
    "change",
    [
        "trainer.epochs=-3",
        "data={class: datasets.NpzFile, path: missing.npz}",
        "trainer.held_out=12",
        "trainer.optimizer={class: torch.optim.SGD, momentum: -1}",
        "trainer.objective={class: objectives.Certified, bounder: bounds.Interval, loss: losses.Margin}",
    ],
)
def test_a_start_that_fails_leaves_no_folder(change: str, recipe: str, tmp_path: Path):
    with pytest.raises(HauberkError):
        workflow.train(read_recipe(recipe, [change]), tmp_path / "run", resume=False, watch=lambda record: None)
    assert not (tmp_path / "run").exists()


def test_files_get_the_mode_that_the_umask_leaves(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file") as temporary:
            temporary.unlink()
            os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
