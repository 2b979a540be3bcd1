"""Parsing of JSON files into dataclasses, so that errors name the file before anything is drawn from it."""

import json
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from hauberk.errors import InputError
from hauberk.files import read_text as content_of

T = TypeVar("T")


def read_text(path: Path, remedy: str) -> str:
    """Return the text of a file.

    Raises:
        InputError: it is missing or not UTF-8; the message ends with the remedy.
    """
    try:
        return content_of(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): {remedy}") from error


def parse(text: str, kind: type[T], where: str, remedy: str) -> T:
    """Return the dataclass that JSON text holds.

    Unknown keys are ignored, so that files of later versions can be read.

    Raises:
        InputError: the text is not JSON, or a value is missing or of another type; the message names its place.
    """
    return _parse(text, kind, where, remedy)


def parse_list(text: str, kind: type[T], where: str, remedy: str) -> list[T]:
    """Return the list of dataclasses that JSON text holds; otherwise as `parse`."""
    return _parse(text, list[kind], where, remedy)


def parse_mapping(text: str, where: str, remedy: str) -> dict[str, str]:
    """Return the mapping of strings to strings that JSON text holds; otherwise as `parse`."""
    return _parse(text, dict[str, str], where, remedy)


def _parse(text: str, kind: Any, where: str, remedy: str) -> Any:
    try:
        return _convert(json.loads(text), kind, "")
    except (ValueError, RecursionError, OverflowError) as error:  # JSONDecodeError, and what is raised below
        raise InputError(f"{where} is not what it must be ({error}): {remedy}") from error


def _convert(value: Any, kind: Any, place: str) -> Any:
    """Return a JSON value as the annotated type; `place` is its path inside the file."""
    if isinstance(kind, UnionType):
        (inner,) = (option for option in get_args(kind) if option is not type(None))
        return None if value is None else _convert(value, inner, place)
    if get_origin(kind) is list and isinstance(value, list):
        (inner,) = get_args(kind)
        return [_convert(item, inner, f"{place}[{number}]") for number, item in enumerate(value)]
    if get_origin(kind) is dict and isinstance(value, dict):
        _, inner = get_args(kind)
        return {key: _convert(item, inner, f"{place}.{key}" if place else key) for key, item in value.items()}
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _build(value, kind, place)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind is bool and isinstance(value, bool):
        return value
    if kind in (int, str) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    found = "null" if value is None else type(value).__name__
    expected = "an object" if is_dataclass(kind) else getattr(kind, "__name__", str(kind))
    raise ValueError(f"{place or 'the file'} must be {expected}, but is {found}")


def _build(value: dict[str, Any], kind: type, place: str) -> Any:
    arguments = {}
    for field in fields(kind):
        inside = f"{place}.{field.name}" if place else field.name
        if field.name in value:
            arguments[field.name] = _convert(value[field.name], field.type, inside)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{inside} is missing")
    try:
        return kind(**arguments)
    except ValueError as error:
        raise ValueError(f"{place}: {error}" if place else str(error)) from error
