"""Where a page can be written: what is no file is left as it is, and the command says so in one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hauberk.cli import main

PLACES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/null"),
    "below a file": lambda path: path.parent.joinpath("page.html").write_text("mine"),
}


def state(path: Path) -> tuple[int, ...]:
    """Return what tells whether something at a path, or else above it, was replaced."""
    facts = path.lstat() if os.path.lexists(path) else path.parent.lstat()
    return facts.st_ino, facts.st_mode, facts.st_mtime_ns


@pytest.mark.parametrize("kind", PLACES)
def test_only_files_are_replaced_by_a_page(kind, make_run, tmp_path, capsys):
    run, place = make_run(), tmp_path / "page"
    PLACES[kind](place)
    place = place.with_suffix(".html") / "page" if kind == "below a file" else place
    before = state(place)
    assert main(["report", str(run), "--output", str(place)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert state(place) == before
