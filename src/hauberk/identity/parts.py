"""One step into an object: its name, and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


class UnidentifiableError(Exception):
    """An object has no content to be identified by: the message says what it is, and the walk adds where."""


@dataclass(frozen=True)
class Leaf:
    """A part without parts: a number, a truth value, None, or a text that stands for the rest."""

    said: bool | int | float | str | None


@dataclass(frozen=True)
class Parts:
    """The parts that an object consists of.

    Args:
        name: the name of its class or function.
        content: its parts by name, in any order.
        levels: the depth to which nested objects count by their content; below it, and for parts without content, their
            class names count. Unlimited by default.
    """

    name: str
    content: Mapping[str, object]
    levels: float = inf
