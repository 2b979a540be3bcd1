"""Names of classes and functions."""

import sys
from functools import reduce

OURS = ("hauberk", "torch", "builtins")
"""The packages whose classes go by their bare names, so that a class may move to another of their modules."""


def class_name(cls: type) -> str:
    """Return the name of a class, with its module if that is a user's."""
    return cls.__name__ if cls.__module__.partition(".")[0] in OURS else full_name(cls)


def full_name(value: object) -> str:
    """Return the qualified name of a class or function, with its module if that is a user's."""
    module, name = getattr(value, "__module__", None) or "builtins", str(getattr(value, "__qualname__"))  # noqa: B009
    module = "__main__" if module == "__mp_main__" else module
    return name if module.partition(".")[0] in OURS else f"{module}.{name}"


def is_known(cls: type) -> bool:
    """Return True if the name of a class tells which one it is: a class that a function made has no such name."""
    if cls.__module__.partition(".")[0] in OURS:
        return True
    path = cls.__qualname__.split(".")
    return reduce(lambda place, name: getattr(place, name, None), path, sys.modules.get(cls.__module__)) is cls
