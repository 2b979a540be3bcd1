"""The walk through all parts of an object, and the tree that it builds."""

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple

from hauberk.errors import InputError
from hauberk.identity.kinds import known_parts, text
from hauberk.identity.modules import Structure
from hauberk.identity.names import class_name
from hauberk.identity.objects import object_parts
from hauberk.identity.parts import Leaf, Parts, UnidentifiableError

PLAIN = (bool, int, float, str, type(None))
DEEPEST, LARGEST = 50, 10_000
"""Limits: the levels of nested objects, and the parts of a tree, above which the largest are hashed."""


class Tree(NamedTuple):
    """A JSON value, and its number of parts."""

    said: Any
    size: int = 1

    def hashed(self) -> "Tree":
        """Return the hash that stands for it."""
        return Tree(f"sha256:{sha256(json.dumps(self.said).encode()).hexdigest()} of {self.size} parts")


def identity(value: object, place: str = "") -> Any:
    """Return a JSON tree that is equal for equal content, and for nothing else.

    The cost is that of one pass over the bytes of all tensors. Devices, memory layouts, gradients and addresses
    play no part, nor where in Hauberk or torch a class lives, nor whether two parts are one object, or alike.

    Args:
        value: any object: numbers, texts, tensors, arrays, networks, functions, collections, dataclasses and others.
        place: what messages call it.

    Raises:
        InputError: a part of it has no content that it could be identified by; the message says where.
    """
    return Walk().tree(value, place, 0, inf).said


class Walk:
    """A walk that visits each object once, however many others refer to it."""

    def __init__(self) -> None:
        self.trees: dict[tuple[object, ...], tuple[object, Tree]] = {}
        """With the objects themselves, whose addresses would otherwise become others'."""
        self.open: dict[tuple[object, ...], int] = {}

    def tree(self, value: object, place: str, depth: int, levels: float) -> Tree:
        """Return the tree of a part at a depth; `levels` says how many objects deep one looks from here."""
        if type(value) in PLAIN and (leaf := text(value)):
            return Tree(leaf.said)
        mark = value.mark if isinstance(value, Structure) else (type(value), id(value))
        if mark in self.open:
            return Tree(f"the one {depth - self.open[mark]} levels up")
        if (*mark, levels) not in self.trees:
            self.open[mark] = depth
            try:
                made = self.made(value, place, depth, levels)
            except (UnidentifiableError, RecursionError) as error:
                if levels == inf:
                    raise InputError(
                        f"{place or class_name(type(value))} cannot be identified by its content: it is {error}. "
                        "Give the class that holds it a method identified_by() that returns what is to stand for it."
                    ) from error
                made = Tree(f"some {class_name(type(value))}")
            finally:
                del self.open[mark]
            self.trees[*mark, levels] = (value, made)
        return self.trees[*mark, levels][1]

    def made(self, value: object, place: str, depth: int, levels: float) -> Tree:
        """Return the tree of a part that was not met before.

        Raises:
            UnidentifiableError: it has no content that it could be identified by.
        """
        if depth > DEEPEST:
            raise UnidentifiableError(f"more than {DEEPEST} levels of objects within one another")
        parts = known_parts(value)
        if parts is None:
            if not is_dataclass(value):
                levels -= 1
            if levels < 0 or (levels < inf and type(value).__module__.partition(".")[0] == "torch"):
                return Tree(f"some {class_name(type(value))}")
            parts = object_parts(value)
        if isinstance(parts, Leaf):
            return Tree(parts.said)
        if isinstance(parts, Parts):
            levels, named = min(levels, parts.levels), parts.named
        elif isinstance(parts, Mapping):
            named = with_names(parts)
        else:
            named = {str(number): part for number, part in enumerate(parts)}
        inner = [
            self.tree(part, f"{place}.{name}" if place else name, depth + 1, levels) for name, part in named.items()
        ]
        if isinstance(parts, set | frozenset):
            inner.sort(key=lambda tree: json.dumps(tree.said))
        inner = lightened(inner)
        said = [tree.said for tree in inner]
        if isinstance(parts, Parts):
            said = {"class": parts.title, **dict(zip(named, said, strict=True))}
        elif isinstance(parts, Mapping):
            said = dict(zip(named, said, strict=True))
        tree = Tree(said, 1 + sum(tree.size for tree in inner))
        return tree if len(inner) <= LARGEST else tree.hashed()


def with_names(mapping: Mapping[Any, object]) -> dict[str, object]:
    """Return a mapping, in its order, with keys as text; keys of other types are preceded by their type."""
    named: dict[str, object] = {}
    for key, part in mapping.items():
        name = key if isinstance(key, str) else f"{class_name(type(key))} {json.dumps(identity(key))}"
        while name in named:
            name += "'"
        named[name] = part
    return named


def lightened(trees: list[Tree]) -> list[Tree]:
    """Return the trees, the largest replaced by hashes until all together are small enough."""
    trees, total = list(trees), sum(tree.size for tree in trees)
    for number in sorted(range(len(trees)), key=lambda number: -trees[number].size):
        if total <= LARGEST or trees[number].size == 1:
            break
        total -= trees[number].size - 1
        trees[number] = trees[number].hashed()
    return trees
