"""The runs that a command line names."""

from collections.abc import Iterable
from pathlib import Path


def given_runs(folders: Iterable[str]) -> list[Path]:
    """Return the folders of some runs and of their variants, each once."""
    from hauberk.workflow import family

    return list(dict.fromkeys(run for folder in folders for run in family(Path(folder))))
