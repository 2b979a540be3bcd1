"""The folders of a run's evaluations: `evaluation`, and one in `evaluations` for each that has a name."""

import os
from pathlib import Path
from typing import NamedTuple

from hauberk.errors import InputError
from hauberk.evaluation.records import FILE_NAME

OWN, NAMED = "evaluation", "evaluations"


class Evaluation(NamedTuple):
    """An evaluation of a run: the run's folder, the evaluation's name, empty for the run's own, and its folder."""

    run: Path
    name: str
    folder: Path

    @property
    def recipe(self) -> Path:
        """The file of the recipe that it used; the run's where there is no other, as in earlier releases."""
        own = self.folder / "recipe.yaml"
        return own if self.name or own.exists() else self.run / "recipe.yaml"

    @property
    def remedy(self) -> str:
        """The advice where a file of it is missing or corrupt."""
        again = "run `hauberk evaluate` on this run again"
        return f"{again}, with --as {self.name!r}." if self.name else f"{again}."


def evaluation_folder(run: Path, name: str | None) -> Path:
    """Return the folder of the evaluation of a name, or of the run's own.

    Raises:
        InputError: the name cannot be a folder's.
    """
    if name is None:
        return run / OWN
    if not FILE_NAME.fullmatch(name):
        raise InputError(
            f"--as names a folder in {run / NAMED}: up to 50 letters, digits, spaces and ,.()+-, the first a letter or "
            f"a digit, but not {name!r:.120}."
        )
    return run / NAMED / name


def evaluations(folder: Path) -> list[Evaluation]:
    """Return all evaluations of a run, its own first, or the one that the folder itself holds.

    A run without any has its own: whoever reads it says what is missing.
    """
    place = Path(os.path.abspath(folder))
    if place.name == OWN and is_run(place.parent):
        return [Evaluation(place.parent, "", place)]
    if place.parent.name == NAMED and is_run(place.parent.parent):
        return [Evaluation(place.parent.parent, place.name, place)]
    named = sorted(path for path in (folder / NAMED).glob("*") if path.is_dir()) if is_run(folder) else []
    found = [Evaluation(folder, path.name, path) for path in named]
    return found if found and not (folder / OWN).exists() else [Evaluation(folder, "", folder / OWN), *found]


def is_run(folder: Path) -> bool:
    """Return whether training has begun in a folder."""
    return (folder / "run.json").is_file()


def require_run(folder: Path) -> None:
    """Raise unless a folder may be a run's.

    Raises:
        InputError: there is none, or it is another kind of folder, which the message names.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not the folder of a run: pass one that holds recipe.yaml and evaluation/.")
    if (folder / "stages").is_dir():
        raise InputError(f"{folder} is the folder of a cascade: pass runs, say {folder / 'stages' / '1'}.")
    if (folder / "sweep.yaml").exists():
        raise InputError(f"{folder} is the folder of a sweep: pass runs, say {folder / 'points' / '001'}.")
