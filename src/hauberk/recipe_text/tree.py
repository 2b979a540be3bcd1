"""Trees of mappings and lists, as YAML describes them, and changes to them."""

import copy
from typing import Any

from hauberk import plain_yaml
from hauberk.errors import InputError

Tree = dict[str, Any]
OBJECTS = ("data", "network", "threat", "trainer", "evaluator", "training_threat")
"""The sections that describe an object each."""
ALTERNATIVES = ("variants", "scales")
"""The sections that hold named changes to the rest: in a path, whatever follows a name is the path of a change."""
SECTIONS = (*OBJECTS, "seed", *ALTERNATIVES)


def parsed(text: str, source: str) -> Any:
    """Return what YAML text describes; `source` is its name in messages.

    Raises:
        InputError: the text is not YAML of plain values, or a key occurs twice.
    """
    try:
        return plain_yaml.load(text)
    except ValueError as error:
        raise InputError(f"{source} is not valid YAML: {error}") from error


def changed(tree: Tree, changes: Tree, where: str) -> Tree:
    """Return a copy of a tree with the values at some paths changed, one after the other.

    Args:
        tree: copied and changed.
        changes: the new values, by dotted path.
        where: the changes' name in messages.

    Raises:
        InputError: the tree has no such place.
    """
    copied = copy.deepcopy(tree)
    for path, value in changes.items():
        assign(copied, str(path), copy.deepcopy(value), f"{where}.{path}")
    return copied


def assign(tree: Tree, path: str, value: Any, change: str) -> None:
    """Set the value at a dotted path, creating missing mappings on the way.

    `change` is the change's name in messages.

    Raises:
        InputError: the path leads through something that is neither a mapping nor a list with that place.
    """
    keys = path.split(".", 2 if path.startswith(ALTERNATIVES) else -1)
    item: Any = tree
    for depth, key in enumerate(keys):
        if isinstance(item, list) and key.isdigit() and int(key) < len(item):
            place: Any = int(key)
        elif isinstance(item, dict):
            place = key
        else:
            raise InputError(f"{change}: the recipe has no {'.'.join(keys[: depth + 1])}.")
        if depth == len(keys) - 1:
            item[place] = value
        else:
            item = item.setdefault(place, {}) if isinstance(item, dict) else item[place]
