"""Hostile inputs: what they are, and the command that meets them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

Content = bytes | Callable[[], bytes]


@dataclass(frozen=True)
class Case:
    """A hostile input.

    Args:
        kind: what is wrong with it, in general.
        name: what is wrong with this one.
        prepare: makes it in a folder, and returns the command line that meets it there.
    """

    kind: str
    name: str
    prepare: Callable[[Path], list[str]]


def each_kind_first(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrise a test by cases, all but the first of each kind for the longer run."""
    seen: set[str] = set()
    given = []
    for case in cases:
        marks = [pytest.mark.product] if case.kind in seen else []
        seen.add(case.kind)
        given.append(pytest.param(case, id=f"{case.kind}: {case.name}", marks=marks))
    return pytest.mark.parametrize("case", given)


def plain(kind: str, *arguments: str) -> Case:
    """Return the case of a command line that needs no files."""
    shown = " ".join(argument[:40] for argument in arguments)
    return Case(kind, shown.encode("unicode_escape").decode(), lambda folder: list(arguments))


def setting(kind: str, *changes: str, command: str = "train") -> Case:
    """Return the case of a change of a shipped recipe."""
    options = [part for change in changes for part in ("--set", change)]
    shown = " ".join(change[:60] for change in changes)
    return Case(
        kind,
        shown.encode("unicode_escape").decode(),
        lambda folder: [command, "mnist-demo", *options, "--run", "../run"],
    )


def file(kind: str, name: str, content: bytes, *arguments: str, path: str = "mine.yaml") -> Case:
    """Return the case of a file with some content; the arguments name it."""

    def prepare(folder: Path) -> list[str]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        return list(arguments)

    return Case(kind, name, prepare)


def data(kind: str, name: str, files: dict[str, Content], given: str) -> Case:
    """Return the case of a data set's files, or what makes them; `given` is the data set as a recipe writes it."""

    def prepare(folder: Path) -> list[str]:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content() if callable(content) else content)
        return ["train", "mnist-demo", "--set", f"data={{class: datasets.{given}}}", "--run", "../run"]

    return Case(kind, name, prepare)
