"""Annotations of constructors: where a recipe's text names a class, and where it stays text."""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from inspect import isclass
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from hauberk.recipe.classes import parameters

PLAIN = (bool, int, float, str, type(None))


def options(kind: Any) -> Iterator[Any]:
    """Yield the members of a union, or the annotation itself, without the range that it gives a number."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from options(member)
    else:
        yield kind


def takes_object(kind: Any) -> bool:
    """Return whether an annotation asks for an object and allows no text."""
    found = list(options(kind))
    return str not in found and any(
        get_origin(option) is Callable or (isclass(option) and get_origin(option) is None and option not in PLAIN)
        for option in found
    )


def allows(kind: Any, given: type) -> bool:
    """Return whether an annotation may ask for objects of a class."""
    found = [option for option in options(kind) if option not in PLAIN]
    return (
        not found
        or not all(isclass(option) and get_origin(option) is None for option in found)
        or any(issubclass(given, option) for option in found)
    )


def inner(kind: Any, key: str | None) -> Any:
    """Return the annotation of a part: of an argument or value by its name, or of an item of a sequence if None.

    None if there is no such part, or if nothing is known about it.
    """
    found = []
    for option in options(kind):
        origin, given = get_origin(option), [part for part in get_args(option) if part is not ...]
        if isclass(origin) and issubclass(origin, Mapping):
            found += given[1:] if key is not None else []
        elif isclass(origin) and origin is not Callable:
            found += given if key is None else []
        elif isclass(option) and key is not None:
            found += [parameter.annotation for name, parameter in parameters(option).items() if name == key]
    return reduce(or_, found) if found else None


def name_of(kind: Any) -> str:
    """Return the names of the classes that an annotation asks for."""
    return " or ".join(getattr(option, "__name__", str(option)) for option in options(kind) if option is not type(None))
