"""One step into an object: what it is called, and the parts that it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


class UnidentifiableError(Exception):
    """Says what an object is that has no content to be identified by; the walk adds where it stands."""


@dataclass(frozen=True)
class Leaf:
    """A part that has none itself: a number, a truth value, None, or a text that says all there is."""

    said: bool | int | float | str | None


@dataclass(frozen=True)
class Parts:
    """The parts that an object consists of.

    Args:
        name: of its class or function.
        content: its parts by their names, whose order plays no part.
        levels: how many objects within one another are looked into from here; further in, the names of classes are all
            that counts, as they are for parts without content of their own. By default all are looked into.
    """

    name: str
    content: Mapping[str, object]
    levels: float = inf
