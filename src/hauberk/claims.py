"""Claims on folders: the recipe in one says what it holds, and nothing else is written there."""

from pathlib import Path

from hauberk.atomic import write_text
from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.identity import differences, first_few, identity
from hauberk.recipe import parsed


def claim(kept: Path, text: str, *, resume: bool) -> None:
    """Write the file that says which run or sweep a folder holds.

    Raises:
        InputError: as `require_free` does.
    """
    require_free(kept, text, resume=resume)
    write_text(kept, text)


def require_free(kept: Path, text: str, *, resume: bool) -> None:
    """Raise if a folder holds something else than what is to be done there.

    Raises:
        InputError: the file is there already and `resume` is off, or says something else, which is named, and it is on.
    """
    if kept.exists() and not resume:
        raise InputError(f"{kept} is there already: continue with --resume, or choose another folder with --run.")
    if kept.exists() and (there := kept_text(kept)) != text:
        there, here = parsed(there, str(kept)), parsed(text, "the recipe")
        found = first_few(differences(identity(there), identity(here))) or "its text alone"
        raise InputError(f"{kept} differs from what is to be resumed, {found}: choose another folder with --run.")


def kept_text(file: Path) -> str:
    """Return the text of a recipe that a folder holds."""
    try:
        return read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}): choose another folder with --run.") from error
