"""The identity of the evaluation that the shards in a folder belong to."""

import json
from collections.abc import Mapping
from pathlib import Path

from hauberk.atomic import write_text
from hauberk.errors import InputError


def claim(folder: Path, plan: Mapping[str, object]) -> None:
    """Record the evaluation that the folder's shards belong to, or raise if the folder holds another one.

    Raises:
        InputError: the folder holds another evaluation.
    """
    file = folder / "plan.json"
    if file.exists() and json.loads(file.read_text(encoding="utf-8")) != plan:
        raise InputError(f"{folder} holds the evaluation of another network or setting: delete that folder first.")
    write_text(file, json.dumps(plan, indent=1))
