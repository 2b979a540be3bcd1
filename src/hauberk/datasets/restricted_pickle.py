"""Pickles of plain data, read without running anything in them."""

import math
from pickletools import genops
from typing import Any

import numpy as np

from hauberk.errors import InputError

DAMAGE = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError)
"""Errors that a broken stream of instructions causes, in `pickletools` or on the stack below."""

DIMENSIONS = 4
"""Largest number of dimensions of an array: the product of many long sizes would take forever."""

_VALUES = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"} | {
    *("SHORT_BINSTRING", "BINSTRING", "SHORT_BINBYTES", "BINBYTES"),
}
_CONSTANTS = {"NEWTRUE": True, "NEWFALSE": False}
_UINT8_STATE = (3, "|", None, None, None, -1, -1, 0)


def read_plain_pickle(content: bytes, file: str) -> dict[Any, Any]:
    """Return the dict in a pickle of protocol 2 or 3 as Python 2 and 3 write it; messages name `file`.

    Python's own unpickler calls whatever a file names. Here, the file's instructions drive a machine that knows only
    dicts, lists, tuples, bytes, str, ints, bools and None, and inert stand-ins for the names by which NumPy stores an
    array of uint8; any other instruction or name is rejected. A str of Python 2 is read as Latin-1. Takes time and
    memory linear in the content.

    Raises:
        InputError: the pickle is corrupt, or contains anything else; the message names `file` and the fault.

    Source: Python's `pickletools`, for the meaning of the instructions.
    """
    try:
        found = _run(content)
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__} and no dict")
        return {key: value.array() if isinstance(value, _Array) else value for key, value in found.items()}
    except DAMAGE as error:
        raise InputError(
            f"{file} is not a pickle of plain numbers, text and uint8 arrays ({type(error).__name__}: {error}). "
            "Nothing that it asks for was run; fetch it again from where it is published."
        ) from error


class _UInt8:
    """The only element type."""

    def build(self, state: Any) -> None:
        """Raise unless the state is that of uint8."""
        if state != _UINT8_STATE:
            raise ValueError(f"the state of an element type is {_brief(state)}, not {_UINT8_STATE}")


class _Array:
    """An array that the file has named but describes later, in the state."""

    def __init__(self) -> None:
        self._parts: tuple[tuple[int, ...], bool, bytes] | None = None

    def build(self, state: Any) -> None:
        """Keep the state, or raise if it does not describe a uint8 array."""
        match state:
            case (1, tuple(shape), _UInt8(), bool(fortran), str() | bytes() as elements):
                pass
            case _:
                raise ValueError(f"the state of an array is {_brief(state)}, not one of uint8 elements")
        if len(shape) > DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"the shape of an array must be up to {DIMENSIONS} sizes")
        if math.prod(shape) != len(elements):
            raise ValueError(f"an array of shape {shape} has {len(elements)} elements")
        self._parts = shape, fortran, _bytes(elements)

    def array(self) -> np.ndarray:
        """Return the array that the state describes."""
        if self._parts is None:
            raise ValueError("an array has no contents")
        shape, fortran, elements = self._parts
        return np.frombuffer(elements, np.uint8).reshape(shape, order="F" if fortran else "C").copy()


_NDARRAY = object()  # stands for numpy.ndarray: an argument, with which nothing can be done


def _reconstruct(cls: Any, shape: Any, code: Any) -> _Array:
    if cls is not _NDARRAY:
        raise ValueError("only arrays of the class numpy.ndarray are read")
    return _Array()


def _dtype(code: Any, align: Any, copy: Any) -> _UInt8:
    if code != "u1":
        raise ValueError(f"arrays must be of type u1, not {_brief(code)}")
    return _UInt8()


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes are written in latin1, not in {_brief(encoding)}")
    return text if isinstance(text, bytes) else text.encode("latin1")


_NAMES = {
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _dtype,
    "numpy.core.multiarray _reconstruct": _reconstruct,
    "numpy._core.multiarray _reconstruct": _reconstruct,
    "_codecs encode": _bytes,
}
_CALLABLE = (_reconstruct, _dtype, _bytes)


def _run(content: bytes) -> Any:
    """Run the instructions and return the value that they leave on the stack."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[Any, Any] = {}

    def since_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for instruction, argument, place in genops(content):
        match instruction.name:
            case name if name in _VALUES:
                stack.append(_CONSTANTS.get(name, argument))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                size = int(name[-1])
                stack[-size:] = [tuple(stack[-size:])]
            case "APPEND" | "APPENDS" as name:
                items = since_mark() if name == "APPENDS" else [stack.pop()]
                _of(list, stack[-1]).extend(items)
            case "SETITEM" | "SETITEMS" as name:
                items = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
                keys = [
                    _of((str, bytes, int), key) for key in items[::2]
                ]  # hashing deeply nested tuples may take forever
                _of(dict, stack[-1]).update(zip(keys, items[1::2], strict=True))
            case "GLOBAL" if argument in _NAMES:
                stack.append(_NAMES[argument])
            case "REDUCE":
                arguments, function = _of(tuple, stack.pop()), stack.pop()
                if function not in _CALLABLE:
                    raise ValueError(f"at byte {place} it calls {_brief(function)}")
                stack.append(function(*arguments))
            case "BUILD":
                state = stack.pop()
                _of((_Array, _UInt8), stack[-1]).build(state)
            case "STOP":
                return stack.pop()
            case "PROTO":
                pass
            case name:
                raise ValueError(f"at byte {place} it asks for {name} {_brief(argument)}")
    raise ValueError("it ends early")


def _of(kind: type | tuple[type, ...], value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} stands where it cannot")
    return value


def _brief(value: Any) -> str:
    """Return a short description of a value in the file, which may be deeply nested or megabytes long."""
    if isinstance(value, str | bytes):
        return repr(value[:60])
    return f"a {type(value).__name__}" if isinstance(value, list | tuple | dict) else repr(value)
