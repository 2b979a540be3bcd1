"""Lookup of classes by their paths, inside hauberk first."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import hauberk
from hauberk.errors import InputError
from hauberk.recipe.suggestion import nearest

MACHINERY = ("bound_training", "sets", "functions", "searches", "propagation", "programs")
RENAMED = {"attacks.AverageOf": "attacks.RandomOf"}
"""Classes that recipes of earlier releases name otherwise."""
CLASS_PATH = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*\.[A-Z]\w*")


def full_path(path: str, where: str) -> str:
    """Return the import path of a class, looked up inside hauberk first; `where` is its place in the recipe.

    Raises:
        InputError: there is no such class.
    """
    for candidate in (f"hauberk.{path}", path, *moved(path)):
        module, _, name = candidate.rpartition(".")
        try:
            if inspect.isclass(getattr(importlib.import_module(module), name, None)):
                return candidate
        except (ImportError, ValueError):
            continue
    raise InputError(f"{where}: there is no class {path!r}{nearest(path, list(public_classes()))}.")


def moved(path: str) -> Iterator[str]:
    """Yield possible new paths of a class that recipes of earlier releases name otherwise, or inside `concepts`."""
    within = path.removeprefix("hauberk.")
    if within in RENAMED:
        yield f"hauberk.{RENAMED[within]}"
    if within.startswith("concepts."):
        yield from (f"hauberk.{room}.{within.removeprefix('concepts.')}" for room in MACHINERY)


def public_classes() -> Iterator[str]:
    """Yield the paths, inside hauberk, of the classes that its packages export."""
    for found in pkgutil.iter_modules(hauberk.__path__):
        if (found.ispkg and found.name not in ("recipe", "identity")) or found.name in ("schedules", "presets"):
            module = importlib.import_module(f"hauberk.{found.name}")
            yield from (f"{found.name}.{name}" for name in getattr(module, "__all__", ()) if name[0].isupper())


def arguments(path: str) -> list[str]:
    """Return the names of the arguments that the class at an import path takes."""
    module, _, name = path.rpartition(".")
    return list(inspect.signature(getattr(importlib.import_module(module), name)).parameters)
