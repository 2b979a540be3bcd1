"""Alternative forms of a recipe: its variants and its scales."""

import re

from hauberk.errors import InputError
from hauberk.recipe_text.tree import Tree, changed
from hauberk.suggestion import nearest


def variants(tree: Tree) -> dict[str, Tree]:
    """Return the trees of a recipe's variants by their names: its own tree with some keys changed.

    Raises:
        InputError: the variants are not a mapping of names to changes, or a name cannot name a folder.
    """
    own = {key: value for key, value in tree.items() if key != "variants"}
    return {name: changed(own, changes, f"variants.{name}") for name, changes in alternatives(tree, "variants").items()}


def variant(tree: Tree, name: str) -> Tree:
    """Return the tree of one variant, to be run by itself.

    Raises:
        InputError: the recipe has no such variant.
    """
    known = variants(tree)
    if name not in known:
        raise InputError(
            f"the recipe has no variant {name!r}{nearest(name, list(known))}: it has {', '.join(known) or 'none'}."
        )
    return known[name]


def scaled(tree: Tree, scale: str | None) -> Tree:
    """Return a recipe's tree at one of its scales, or as it is, without the section of the scales.

    Variants are made from the returned tree, so they have the same scale unless they say otherwise.

    Raises:
        InputError: the recipe has no such scale, or its scales are not a mapping of names to changes.
    """
    known = alternatives(tree, "scales")
    if scale is not None and scale not in known:
        raise InputError(
            f"the recipe has no scale {scale!r}{nearest(scale, list(known))}: it has {', '.join(known) or 'none'}."
        )
    own = {key: value for key, value in tree.items() if key != "scales"}
    return own if scale is None else changed(own, known[scale], f"scales.{scale}")


def alternatives(tree: Tree, section: str) -> dict[str, Tree]:
    """Return the changes in a section of the recipe, by name."""
    given = tree.get(section, {})
    if not isinstance(given, dict):
        raise InputError(f"{section} must be a mapping of names to changes, not {given!r}.")
    for name, changes in given.items():
        if not re.fullmatch(r"\w[\w.+-]*", str(name)) or not isinstance(changes, dict):
            raise InputError(f"{section}.{name}: it must be a word, and hold a mapping of key.path to value.")
    return {str(name): changes for name, changes in given.items()}
