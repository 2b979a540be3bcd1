"""Ranges of constructor arguments, written as their annotations, and a constructor that holds its callers to them."""

import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import Signature, signature
from math import inf
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar

from hauberk.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """A set of numbers.

    Args:
        text: describes a member.
        holds: tells members from other numbers.
    """

    text: str
    holds: Callable[[Any], bool]


Count = Annotated[int, Range("a positive integer", lambda n: n > 0)]
Natural = Annotated[int, Range("an integer, 0 or more", lambda n: n >= 0)]
Several = Annotated[int, Range("an integer, 2 or more", lambda n: n > 1)]
Positive = Annotated[float, Range("a positive number", lambda a: 0 < a < inf)]
NonNegative = Annotated[float, Range("a number, 0 or more", lambda a: 0 <= a < inf)]
Share = Annotated[float, Range("a share, from 0 to 1", lambda a: 0 <= a <= 1)]
PositiveShare = Annotated[float, Range("a positive share, at most 1", lambda a: 0 < a <= 1)]
PartialShare = Annotated[float, Range("a share, from 0 to below 1", lambda a: 0 <= a < 1)]
OpenShare = Annotated[float, Range("a number between 0 and 1, neither of them", lambda a: 0 < a < 1)]
Extended = Annotated[float, Range("a number, possibly infinite", lambda a: a == a)]
Span = Annotated[tuple[float, float], Range("a range (low, high) with low < high", lambda ends: ends[0] < ends[1])]
ANY = {
    int: Range("an integer of 64 bits", lambda n: -(1 << 63) <= n < 1 << 63),
    float: Range("a finite number", lambda a: -inf < a < inf),
}
"""The ranges of numbers whose annotation says no more than their type."""
PLAIN: dict[type, str] = {bool: "true or false", str: "a text", type(None): "null"}
"""Names of other plain values."""


class Checked:
    """A class whose constructor first refuses numbers, texts and choices other than those that its annotations give.

    A bool or a text is no number; numpy's numbers are. What is annotated as something else as well may be that.

    Raises:
        InputError: an argument is out of its range; the message names it.
    """

    def __new__(cls: type[T], *args: Any, **kwargs: Any) -> T:
        expected, hints = constructor(cls)
        for name, value in expected.bind_partial(None, *args, **kwargs).arguments.items():
            if name in hints:
                require(f"{cls.__name__} needs {name}", value, hints[name])
        return object.__new__(cls)


@cache
def constructor(cls: type) -> tuple[Signature, dict[str, Any]]:
    """Return the signature and the annotations of a class's constructor."""
    return signature(cls.__init__), typing.get_type_hints(cls.__init__, include_extras=True)


def require(name: str, value: object, annotation: Any) -> None:
    """Raise unless a value's numbers lie in the ranges of an annotation, and its texts are choices that it gives.

    Messages begin with `name`.

    Raises:
        InputError: one does not, or something else stands where only these may.
    """
    numbers, choices, others, plain = sorted_out(annotation)
    fits = isinstance(value, tuple(plain)) or any(within(value, kind) for kind in numbers)
    fits = fits or any(type(value) is type(choice) and value == choice for choice in choices)
    if (len(plain) == len(others) or ((numbers or choices) and isinstance(value, Real | str))) and not fits:
        texts = [range_of(kind).text for kind in numbers] + [repr(choice) for choice in choices]
        wanted = " or ".join(texts + [PLAIN[kind] for kind in plain])
        raise InputError(f"{name} to be {wanted}, but it is {value!r:.80}.")
    for option in others:
        if isinstance(value, list | tuple) and typing.get_origin(option) in (list, tuple, Sequence):
            first, *rest = typing.get_args(option)
            for number, one in enumerate(value):
                fixed = number and rest and rest[0] is not Ellipsis
                require(f"{name}[{number}]", one, rest[min(number, len(rest)) - 1] if fixed else first)


@cache
def sorted_out(annotation: Any) -> tuple[list[Any], list[Any], list[Any], list[type]]:
    """Return the kinds of numbers that an annotation gives, its choices, all other kinds, and the plain among these."""
    options = alternatives(annotation)
    numbers = [option for option in options if typing.get_origin(option) is Annotated or option in ANY]
    choices = [
        choice for option in options if typing.get_origin(option) is Literal for choice in typing.get_args(option)
    ]
    others = [option for option in options if option not in numbers and typing.get_origin(option) is not Literal]
    return numbers, choices, others, [kind for kind in PLAIN if kind in others]


def alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation alone."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return [annotation]
    return [option for member in typing.get_args(annotation) for option in alternatives(member)]


def within(value: object, kind: Any) -> bool:
    """Return whether a value is a number, or a range, of a kind."""
    base = typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind
    if typing.get_origin(base) is tuple:
        ends = isinstance(value, tuple | list) and len(value) == 2 and all(within(end, Extended) for end in value)
        return ends and range_of(kind).holds(value)
    number = isinstance(value, Integral if base is int else Real) and not isinstance(value, bool)
    return number and range_of(kind).holds(value) and (base is float or ANY[int].holds(value))


def range_of(kind: Any) -> Range:
    """Return the range of a number's annotation."""
    return ANY[kind] if kind in ANY else kind.__metadata__[0]
