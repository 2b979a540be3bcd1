"""The components of nested objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TypeVar

T = TypeVar("T")


def parts(kind: type[T], whole: object) -> Iterator[T]:
    """Yield the instances of a class nested in dataclasses, mappings and sequences, always in the same order.

    Instances themselves are not searched.
    """
    if isinstance(whole, kind):
        yield whole
    elif is_dataclass(whole):
        for field in fields(whole):
            yield from parts(kind, getattr(whole, field.name))
    elif isinstance(whole, Mapping):
        for value in whole.values():
            yield from parts(kind, value)
    elif isinstance(whole, Sequence) and not isinstance(whole, str):
        for value in whole:
            yield from parts(kind, value)
