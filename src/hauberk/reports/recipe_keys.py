"""The values of recipes by their keys."""

import math
from collections.abc import Iterator
from typing import Any

import yaml

from hauberk.errors import InputError
from hauberk.plain_yaml import load

ASIDE = ("variants.", "evaluator.studies.")
"""Prefixes of the keys that change no accuracy."""


def recipe_keys(text: str, where: str) -> dict[str, Any]:
    """Return the values of a recipe by their paths, as `--set` writes them; none if the text is not a mapping.

    Raises:
        InputError: the text is not YAML; the message says where it came from.
    """
    try:
        tree = load(text)
    except ValueError as error:
        raise InputError(f"{where} is not valid YAML ({error}): train again, or restore the file.") from error
    return dict(leaves(tree)) if isinstance(tree, dict) else {}


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the paths and values of a tree's leaves."""
    if not isinstance(tree, dict | list) or not tree:
        yield path, tree
        return
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from leaves(value, f"{path}.{key}" if path else str(key))


def aside(key: str) -> bool:
    """Return whether recipes may differ in a key and be of one method: seeds, and what changes no accuracy."""
    return key.rpartition(".")[2] == "seed" or f"{key}.".startswith(ASIDE)


def as_number(value: Any) -> Any:
    """Return a value as a float if it is a finite number or a fraction like "8/255", any other as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    above, _, below = str(value).partition("/")
    try:
        found = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return value
    return found if math.isfinite(found) else value


def as_text(value: Any) -> str:
    """Return a value as `--set` takes it, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=math.inf).removesuffix("...\n").strip()


def brief(value: Any) -> str:
    """Return a value for a table: floats with four digits, others as `--set` takes them."""
    return f"{value:.4g}" if isinstance(value, float) else as_text(value)


def in_short(values: dict[str, Any]) -> str:
    """Return keys with their values, on one line."""
    return ", ".join(f"{key}={brief(value)}" for key, value in values.items())
