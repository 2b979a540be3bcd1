"""Other objects: their class, and what a pickle would rebuild them from."""

import copyreg
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from inspect import getattr_static
from pickle import PicklingError
from typing import Any

from hauberk.identity.names import class_name
from hauberk.identity.parts import Leaf, Parts, UnidentifiableError

NEW = (getattr(copyreg, "__newobj__"), getattr(copyreg, "__newobj_ex__"))  # noqa: B009 (the names would be mangled)


def object_parts(value: object) -> Parts | Leaf:
    """Return what an object consists of: for a dataclass its fields, for others what a pickle of it would hold.

    Caches do not count: cached properties, and fields that neither the constructor nor equality uses.

    Raises:
        UnidentifiableError: it holds something that exists in this process alone: a lock, a file, a generator.
    """
    name = type(value)
    if is_dataclass(value):
        return Parts(name, lasting(value, attributes(object.__getstate__(value)) or {}))
    reduce = copyreg.dispatch_table.get(type(value))
    try:
        made: Any = reduce(value) if reduce else value.__reduce_ex__(4)
    except (TypeError, AttributeError, ValueError, RuntimeError, PicklingError) as error:
        raise UnidentifiableError(f"{type(value).__qualname__} ({error})") from error
    if isinstance(made, str):
        return Leaf(f"{class_name(name)} {made}")
    state: list[Any] = [*made, None, None, None]
    how, given, kept, items, entries = state[:5]
    content: dict[str, object] = {}
    if how not in NEW and how is not type(value):
        content["made by"] = how
    if given := given[1:] if how in NEW else given:
        content["arguments"] = given
    own = attributes(kept)
    content |= {"state": kept} if own is None else lasting(value, own)
    content |= {"items": list(items)} if items is not None else {}
    content |= {"entries": dict(entries)} if entries is not None else {}
    return Parts(name, content)


def attributes(kept: object) -> dict[str, object] | None:
    """Return the attributes that a state holds, in slots or not; None if it is something else."""
    both = kept if isinstance(kept, tuple) and len(kept) == 2 else (kept,)
    given = [part for part in both if part is not None]
    found = {name: value for part in given if isinstance(part, dict) for name, value in part.items()}
    return found if all(isinstance(part, dict) for part in given) and all(isinstance(n, str) for n in found) else None


def lasting(value: object, own: Mapping[str, object]) -> dict[str, object]:
    """Return the attributes of an object that are not caches."""
    caches = {name for name in own if isinstance(getattr_static(type(value), name, None), cached_property)}
    if is_dataclass(value):
        caches |= {field.name for field in fields(value) if not (field.init or field.compare)}
    return {name: own[name] for name in own if name not in caches}
