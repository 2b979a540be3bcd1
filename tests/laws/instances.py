"""Instances of every concrete class of a concept, built from the constructors' annotations.

A new leaf file is found by walking the leaf packages; nothing here names a leaf class. An argument is

- what the class states: `cases()`, a static method, maps arguments to the values that laws try;
- two representatives, where the type is a concept of `representatives.py`;
- instances of every class, where it is a smaller concept: a loss, a start, a schedule;
- else its default, or a plain value of its type.

The first instance of a class has the first value of each argument. The others vary one argument at a time; the whole
product of arguments is for the longer run.
"""

import collections.abc
import functools
import importlib
import inspect
import itertools
import pkgutil
import types
import typing
import zlib
from typing import Any

import pytest
import torch
from torch import nn

import hauberk
import longer
from hauberk.errors import InputError
from laws.networks import CLASSES, SHAPE
from laws.representatives import representatives

LEAVES = (
    *("threats", "losses", "attacks", "ops", "bounds", "smoothing", "regularizers", "objectives", "verification"),
    *("studies", "schedules", "augmentations"),
)
MACHINERY = ("concepts", "sets", "functions", "searches", "propagation", "programs", "bound_training")
Classes = frozenset[type]
BY_NAME: dict[str, list[Any]] = {"eps": [0.1, 0.0], "steps": [5]}
BY_TYPE: dict[Any, list[Any]] = {bool: [False, True], float: [0.5], int: [2], str: ["name"], type(None): [None]}


@functools.cache
def load() -> None:
    """Import every leaf and every room of machinery, so that subclasses are known."""
    for name in (*LEAVES, *MACHINERY):
        try:
            module = importlib.import_module(f"{hauberk.__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{hauberk.__name__}.{name}":
                raise
            continue
        for leaf in pkgutil.iter_modules(getattr(module, "__path__", [])):
            importlib.import_module(f"{module.__name__}.{leaf.name}")


@functools.cache
def concrete(concept: type) -> list[type]:
    """Return the concrete classes of a concept inside the package, by name."""
    load()
    found: set[type] = set()
    waiting = [concept]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if not inspect.isabstract(cls) and public(cls):
            found.add(cls)
    return sorted(found, key=lambda cls: cls.__name__)


def public(cls: type) -> bool:
    """Return whether the package has the class for its users; presets are products, what a leaf hides is its own."""
    if not cls.__module__.startswith(f"{hauberk.__name__}.") or ".presets" in cls.__module__:
        return False
    exported = getattr(importlib.import_module(cls.__module__.rpartition(".")[0]), "__all__", [cls.__name__])
    return cls.__name__ in exported


def instances(concept: type, *, whole: bool = False, inside: Classes = frozenset()) -> list[Any]:
    """Return instances of every concrete class: one argument varied at a time, or the whole product of arguments.

    The first instances of a class come first; classes that the instances are to stand `inside` of are left out.
    """
    return [instance for cls in concrete(concept) if cls not in inside for instance in built(cls, whole, inside)]


def built(cls: type, whole: bool, inside: Classes = frozenset()) -> list[Any]:
    """Return the instances of one class.

    Raises:
        TypeError: a class neither states nor has a default for an argument, or refuses all that it might be.
    """
    if getattr(cls, "cases", dict) is None:
        return []
    options = arguments(cls, inside | {cls})
    if missing := [name for name, found in options.items() if not found]:
        raise TypeError(f"{cls.__name__}: no value is known for {missing}: let {cls.__name__}.cases() state some.")
    made_of = [instance for choice in choices(options, whole) for instance in made(cls, choice)]
    if not made_of:
        raise TypeError(f"{cls.__name__} refuses every choice of its arguments: let its cases() state others.")
    return made_of


def made(cls: type, choice: dict[str, Any]) -> list[Any]:
    """Return the instance, or none where the class refuses one of the parts that it would be made of."""
    try:
        return [cls(**choice)]
    except InputError:
        return []


def choices(options: dict[str, list[Any]], whole: bool) -> list[dict[str, Any]]:
    """Return the arguments of each instance."""
    if whole:
        return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]
    first = {name: values[0] for name, values in options.items()}
    return [first] + [first | {name: value} for name, values in options.items() for value in values[1:]]


def arguments(cls: type, inside: Classes = frozenset()) -> dict[str, list[Any]]:
    """Return the values that each constructor argument may take.

    Raises:
        TypeError: a class states values of an argument that it does not have.
    """
    if cls.__init__ is object.__init__:
        return {}
    hints = typing.get_type_hints(cls.__init__)
    parameters = dict(list(inspect.signature(cls.__init__).parameters.items())[1:])
    stated = getattr(cls, "cases", dict)()
    if unknown := stated.keys() - parameters.keys():
        raise TypeError(f"{cls.__name__}.cases() states {sorted(unknown)}, which the constructor does not take.")
    return {
        name: list(stated[name]) if name in stated else values_of(parameter, name, hints[name], inside)
        for name, parameter in parameters.items()
    }


def values_of(parameter: inspect.Parameter, name: str, annotation: Any, inside: Classes) -> list[Any]:
    """Return the values of an argument of which its class states nothing: the default first, where there is one."""
    if name in BY_NAME:
        return BY_NAME[name]
    factory = type(parameter.default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
    if parameter.default is inspect.Parameter.empty or factory:
        return values(annotation, inside)
    alternatives = [value for value in values(annotation, inside) if is_discrete(value)]
    return [parameter.default, *(value for value in alternatives if value != parameter.default)]


def is_discrete(value: Any) -> bool:
    """Return whether a value is tried even where the argument has a default: plain numbers and texts are not."""
    return isinstance(value, bool) or not isinstance(value, int | float | str | tuple)


def values(annotation: Any, inside: Classes) -> list[Any]:
    """Return values of an annotation."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in BY_TYPE:
        return BY_TYPE[annotation]
    if origin in (typing.Union, types.UnionType):
        return [value for one in inner for value in values(one, inside)]
    if origin in (collections.abc.Sequence, list):
        return sequences(inner[0], inside)
    if origin in (collections.abc.Mapping, dict):
        return [dict(enumerated(each)) for each in sequences(inner[1], inside)]
    if origin is tuple:
        return [tuple(values(one, inside)[0] for one in inner if one is not Ellipsis)]
    if inspect.isclass(annotation) and issubclass(annotation, nn.Module):
        return [nn.Sequential(nn.Flatten(), nn.Linear(SHAPE[1] * SHAPE[2], CLASSES, dtype=torch.float64))]
    if inspect.isclass(annotation) and inspect.isabstract(annotation):
        few = representatives(annotation)
        if few is None:
            few = instances(annotation, inside=inside)
        return few[:2] if any(issubclass(cls, annotation) for cls in inside) else few
    return []


def sequences(annotation: Any, inside: Classes) -> list[list[Any]]:
    """Return sequences of an annotation's values: both representatives and one of them, or each value alone."""
    few = representatives(annotation) if inspect.isclass(annotation) else None
    return [few, few[1:] or few] if few else [[value] for value in values(annotation, inside)]


def enumerated(some: list[Any]) -> list[tuple[str, Any]]:
    """Return values with names."""
    return [(f"part {number}", value) for number, value in enumerate(some)]


def crossed(some: list[Any], others: collections.abc.Iterable[Any], count: int = 2, every: int = 1) -> list[Any]:
    """Return all pairs as parameters, most of them for the longer run.

    In every run the first instances of all classes meet each other, and every further instance meets a few of those.
    Texts, such as the names of networks, are first instances all of them; what searches or has no gradient, and so
    takes long, is none. With `every` above 1 only so large a part of the first instances' pairs are met.
    The others are not even built unless this is the longer run.
    """
    others = list(others)
    (first, further), (second, others_further) = apart(some), apart(others)
    met = [
        pair for pair in itertools.product(first, second) if zlib.crc32("".join(map(label, pair)).encode()) % every == 0
    ]
    chosen = {(id(one), id(other)) for one, other in met}
    chosen |= {(id(one), id(other)) for one in further for other in few(one, second, count)}
    chosen |= {(id(one), id(other)) for other in others_further for one in few(other, first, count)}
    return [
        pytest.param(one, other, marks=marks, id=f"{label(one)}-{label(other)}")
        for one, other in itertools.product(some, others)
        for marks in [() if (id(one), id(other)) in chosen else pytest.mark.product]
        if longer.RUN or not marks
    ]


def varied(some: list[Any], every: int = 3) -> list[Any]:
    """Return parameters: the first instance of each class and a part of the others, and the rest for the longer run."""
    first, further = apart(some)
    later = [one for i, one in enumerate(further) if i % every]
    return [*first, *further[::every], *(pytest.param(one, marks=pytest.mark.product) for one in later if longer.RUN)]


def apart(some: collections.abc.Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Return the first instance of every class, and all the others."""
    first: dict[Any, Any] = {}
    further = []
    for instance in some:
        key = instance if isinstance(instance, str) else type(instance)
        slow = getattr(instance, "searches", False) or not getattr(instance, "differentiable", True)
        if key in first or slow:
            further.append(instance)
        else:
            first[key] = instance
    return list(first.values()), further


def distinct(threats: list[Any]) -> list[Any]:
    """Return the first threat of every class, and those without a range: the others differ in their radii alone."""
    return apart(threats)[0] + [threat for threat in threats if getattr(threat, "within", ()) is None]


def few(instance: Any, others: list[Any], count: int) -> list[Any]:
    """Return a few of the others, different ones for different instances."""
    start = zlib.crc32(label(instance).encode())
    return [others[(start + number * max(len(others) // count, 1)) % len(others)] for number in range(count)]


def label(instance: Any) -> str:
    """Return a short name for a test's id: the class and what it was built from."""
    if isinstance(instance, list | tuple):
        return "[" + ",".join(label(one) for one in instance) + "]"
    if isinstance(instance, dict):
        return "{" + ",".join(label(one) for one in instance.values()) + "}"
    if isinstance(instance, torch.Tensor):
        return f"tensor{tuple(instance.shape)}"
    if isinstance(instance, nn.Module):
        return type(instance).__name__
    if not type(instance).__module__.startswith(hauberk.__name__):
        return str(instance)
    fields = getattr(instance, "__dataclass_fields__", {})
    return f"{type(instance).__name__}({','.join(label(getattr(instance, name)) for name in fields)})"
