"""Places in a recipe's tree, for messages that do not give them."""

from collections.abc import Iterator

from hauberk.recipe_text.tree import Tree


def place_of(content: Tree, name: str, found: str) -> str:
    """Return the place of the only argument of this name on the way `found`, which may leave out keys; or `found`."""
    places = [where for where, keys in mappings(content) if name in keys and leads(found, where)]
    return places[0] if len(places) == 1 else found


def leads(found: str, where: str) -> bool:
    """Return whether a place has the keys of `found` in their order."""
    keys = iter(where.split("."))
    return all(key in keys for key in found.split("."))


def place_without(content: Tree, name: str, found: str) -> str:
    """Return the place of the only part of a mapping that lacks an argument; or that of the mapping, `found`."""
    parts = [(where, keys) for where, keys in mappings(content) if where.rpartition(".")[0] == found]
    lacking = [where for where, keys in parts if name not in keys]
    return lacking[0] if len(lacking) == 1 < len(parts) else found


def mappings(content: object, where: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield the place of every mapping, as a recipe writes it, and its keys."""
    if isinstance(content, dict):
        arguments = content.get("init_args", content)
        if where:
            yield where, list(arguments)
        for key, part in arguments.items():
            yield from mappings(part, f"{where}.{key}" if where else key)
    if isinstance(content, list):
        for number, part in enumerate(content):
            yield from mappings(part, f"{where}.{number}")
