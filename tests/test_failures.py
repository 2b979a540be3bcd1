import errno
import os
import sys
from pathlib import Path

import pytest

from hauberk import cli
from hauberk.atomic import write_text
from hauberk.commands import info
from hauberk.errors import InputError
from hauberk.failures import one_line, told


def test_an_error_of_the_system_names_the_file_and_what_to_do():
    assert told(OSError(errno.ENOSPC, "No space left on device", "a/b")) == (
        "a/b: No space left on device: free some space, or choose another disk."
    )


def test_the_traceback_of_an_unforeseen_error_is_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        said = told(error)
    (file,) = tmp_path.iterdir()
    assert str(file) in said
    assert "_ = 1 / 0" in file.read_text()


def test_a_message_has_one_line_that_a_terminal_shows():
    assert one_line("a\nb\t\x1b[31m\udcff") == r"a b \x1b[31m\udcff"
    assert len(one_line("a" * 10**6)) < 2100


@pytest.mark.parametrize("there", ["folder", "pipe", "device"])
def test_only_regular_files_are_written(there: str, tmp_path: Path):
    place = Path("/dev/null") if there == "device" else tmp_path / "there"
    {"folder": place.mkdir, "pipe": lambda: os.mkfifo(place), "device": lambda: None}[there]()
    before = place.stat().st_mode
    with pytest.raises(InputError, match="is left as it is"):
        write_text(place, "text")
    assert place.stat().st_mode == before
    assert [path.name for path in tmp_path.iterdir()] == ([] if there == "device" else ["there"])


def test_a_link_stays_and_leads_to_the_new_file(tmp_path: Path):
    (tmp_path / "link").symlink_to("file")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "text"


def show(line: str):
    def command(options: object, console: object) -> None:
        print(line)

    return command


def test_a_reader_that_has_seen_enough_ends_the_output_silently(capsys, monkeypatch: pytest.MonkeyPatch):
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(info, "run", show("text"))
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert cli.main(["info"]) == 1
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_said(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(info, "run", show("text"))
    full = open("/dev/full", "w")  # noqa: SIM115
    monkeypatch.setattr(sys, "stdout", full)
    assert cli.main(["info"]) == 1
    assert capsys.readouterr().err.startswith("error: No space left on device")
    os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    full.close()
