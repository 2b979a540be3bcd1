"""Sources of recipes: files, those shipped with Hauberk, and changes made on the command line."""

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.recipe_text.alternatives import scaled
from hauberk.recipe_text.tree import SECTIONS, Tree, assign, parsed
from hauberk.suggestion import nearest


def shipped_recipes() -> dict[str, str]:
    """Return the texts of the recipes shipped with Hauberk, by name."""
    found = [item for item in files("hauberk.recipes").iterdir() if item.name.endswith(".yaml")]
    return {item.name.removesuffix(".yaml"): item.read_text(encoding="utf-8") for item in sorted(found, key=str)}


def read_recipe(name: str, overrides: list[str], scale: str | None = None) -> Tree:
    """Return the tree of a recipe, a file or the name of a shipped one, at a scale, after `key.path=value` overrides.

    Raises:
        InputError: there is no such recipe or scale, it is not a valid YAML mapping, or an override is malformed.
    """
    shipped = shipped_recipes()
    own = name in shipped and not Path(name).is_file()
    tree = parsed(shipped[name] if own else recipe_text(name, shipped), name)
    if not isinstance(tree, dict):
        raise InputError(f"{name} is not a recipe: it must be a mapping of {', '.join(SECTIONS)}.")
    tree = scaled(tree, scale)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"--set takes key=value (say trainer.epochs=3), but got {override!r}.")
        assign(tree, key, parsed(value, override), f"--set {override}")
    return tree


def recipe_text(name: str, shipped: Collection[str]) -> str:
    """Return the text of a recipe's file, or raise if there is none that can be read."""
    try:
        return read_text(name)
    except FileNotFoundError as error:
        raise InputError(
            f"there is no recipe {name!r}{nearest(name, list(shipped))}: give a file, or one of {', '.join(shipped)}."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe {name!r} cannot be read ({error}): give a text file in UTF-8.") from error
