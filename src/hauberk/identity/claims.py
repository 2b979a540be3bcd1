"""Folders that belong to one experiment."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hauberk.atomic import write_text
from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.identity.differing import differences, first_few
from hauberk.identity.walk import identity

VERSION = 3
"""The version of this scheme of identities, and of the noise that it stands for: 3 draws it in one pass."""

RESULTS = ("records", "points", "curve")
"""The folders whose content a plan guards."""


def claim(folder: Path, plan: Mapping[str, object]) -> None:
    """Record in `plan.json` which experiment a folder belongs to, or refuse the folder of another one.

    Reports read records without it.

    Raises:
        InputError: the folder holds another experiment, and the message says what differs; it was made by an earlier
            release; or its plan is damaged or gone. A part of the plan cannot be identified.
    """
    file, tree = folder / "plan.json", stamped(plan)
    anew = f"Delete {folder} to start afresh, or choose another folder."
    if file.exists():
        if why := objection(read(file, anew), tree):
            raise InputError(f"{folder} cannot be completed: {why}. {anew}")
    elif results := [name for name in RESULTS if (folder / name).exists()]:
        raise InputError(
            f"{folder} holds {results[0]}, but no {file.name}, which says of what: it is gone, or an earlier release "
            f"of Hauberk made the folder. {anew}"
        )
    else:
        write_text(file, json.dumps(tree, indent=1))


def stamped(plan: Mapping[str, object]) -> dict[str, Any]:
    """Return the identity of a plan, with the version of the scheme.

    Raises:
        InputError: a part of the plan cannot be identified.
    """
    return {"identity": VERSION, **identity(plan)}


def read(file: Path, advice: str) -> dict[str, Any]:
    """Return the content of a plan file."""
    try:
        kept = json.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read: {error}. {advice}") from error
    if not isinstance(kept, dict):
        raise InputError(f"{file} is damaged: it holds no plan. {advice}")
    return kept


def objection(kept: Mapping[str, Any], own: Mapping[str, Any]) -> str | None:
    """Return the reason why one stamped identity is not another one; None if they are equal."""
    if "identity" not in kept:
        return "it was written by an earlier release of Hauberk, which told experiments apart less strictly"
    if kept["identity"] != VERSION:
        return (
            "it was written by another release of Hauberk, which draws noise or tells experiments apart in another way"
        )
    found = differences(kept, own)
    return f"it is of another experiment, {first_few(found)}" if found else None
