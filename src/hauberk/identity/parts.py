"""One step into an object: its name, and its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from hauberk.identity.names import class_name, is_known


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
        name: its class, or the name of the function.
        content: its parts by name, in any order.
        levels: the depth to which nested objects count by their content; below it, and for parts without content, their
            class names count. Unlimited by default.
    """

    name: str | type
    content: Mapping[str, object]
    levels: float = inf

    @property
    def title(self) -> str:
        """Name of the class or function."""
        return class_name(self.name) if isinstance(self.name, type) else self.name

    @property
    def named(self) -> dict[str, object]:
        """Parts in the order of their names; a class that its name does not tell is one of them."""
        unknown = isinstance(self.name, type) and not is_known(self.name)
        return {name: self.content[name] for name in sorted(self.content)} | ({"(class)": self.name} if unknown else {})
