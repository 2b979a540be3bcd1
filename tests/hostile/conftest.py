"""Hostile inputs go to a command line in a process of its own, which must answer each with one line."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MOST_BYTES = 500 * 10**6


@pytest.fixture(scope="session")
def warm() -> Iterator[Callable[..., dict[str, Any]]]:
    """A function that runs a command in a warm process and says how it ended."""
    command = [sys.executable, str(Path(__file__).with_name("warm.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(**command: Any) -> dict[str, Any]:
            print(json.dumps(command), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.fixture
def refused(warm: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., str]:
    """A function that runs a command, asserts that it ends as hostile input must, and returns what it says.

    It must end by itself, in one line on standard error that is neither a traceback nor an unforeseen error, within the
    limits of time and memory; and leave the folder of the inputs as it was.
    """
    logs = tmp_path / "logs"
    logs.mkdir()
    folder = tmp_path / "inputs"
    folder.mkdir()

    def run(*arguments: str) -> str:
        before = contents(folder)
        output, errors = logs / "output", logs / "errors"
        found = warm(arguments=list(arguments), folder=str(folder), output=str(output), errors=str(errors))
        said = errors.read_text(encoding="utf-8", errors="surrogateescape")
        assert found["status"] in (1, 2), (found, said)
        assert re.fullmatch(r"error: [^\n\x1b]{15,}\n", said), said
        assert not re.search(r"unforeseen \w+:|not enough memory", said), said
        assert found["bytes"] < MOST_BYTES, (found, said)
        assert contents(folder) == before
        return said

    return run


def contents(folder: Path) -> dict[str, Any]:
    """Return what is in a folder: kinds, sizes and bytes of small files."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        small = path.is_file() and not path.is_symlink() and facts.st_size < 10**6
        found[str(path)] = (
            facts.st_mode,
            facts.st_rdev,
            path.read_bytes() if small else facts.st_mtime_ns * (not path.is_dir()),
        )
    return found
