"""Classes: by name where a name tells which one it is, else by their methods and attributes as well."""

import re
from functools import cached_property

from hauberk.identity.names import class_name, is_known
from hauberk.identity.parts import Leaf, Parts

LEVELS = 5
"""The depth of nested objects in a class's attributes that count by their content."""
SPECIAL = re.compile("__.*__|_abc_impl")
"""Attributes that Python keeps itself, unless they are functions."""


def class_parts(cls: type) -> Leaf | Parts:
    """Return what identifies a class: its name, unless that leads to no class, or another one.

    A class that a function made may differ from another of its name in what its methods capture.
    """
    if is_known(cls):
        return Leaf(f"class {class_name(cls)}")
    own = {name: unwrapped(value) for name, value in vars(cls).items()}
    content = {name: value for name, value in own.items() if callable(value) or not SPECIAL.fullmatch(name)}
    return Parts(f"class {class_name(cls)}", {"bases": cls.__bases__, **content}, LEVELS)


def unwrapped(value: object) -> object:
    """Return the functions inside a method or property."""
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    if isinstance(value, property):
        return [value.fget, value.fset]
    return value.func if isinstance(value, cached_property) else value
