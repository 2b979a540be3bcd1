"""Lookup of classes by their paths, inside hauberk first."""

import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import hauberk
from hauberk.errors import InputError
from hauberk.suggestion import nearest

MACHINERY = ("bound_training", "sets", "functions", "searches", "propagation", "programs")
RENAMED = {"attacks.AverageOf": "attacks.RandomOf"}
"""Classes that recipes of earlier releases name otherwise."""
OWN = re.compile(r"hauberk(\.\w+)*|torch\.(nn|optim)(\.\w+)*")
"""The modules that a recipe may import, and whose classes, or classes derived from them, it may name."""
ALIKE = re.compile(r"torch\.utils\.data\.dataset")
"""The module of torch's datasets: a recipe may name classes derived from them, once they are imported."""
UNNAMED = ("identity", "recipe", "watching")
"""Packages whose classes no recipe names."""
CLASS_PATH = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*\.[A-Z]\w*")


def full_path(path: str, where: str) -> str:
    """Return the import path of a class, looked up inside hauberk first; `where` is its place in the recipe.

    Nothing is imported but Hauberk and torch's layers and optimizers: a class of other code is found only if its module
    was imported before, as `import_code` does.

    Raises:
        InputError: there is no such class, or its module was not imported.
    """
    for candidate in (f"hauberk.{path}", path, *moved(path)):
        if lookup(candidate) is not None:
            return candidate
    meant = nearest(path, list(public_classes()))
    if is_foreign(path) and path.rpartition(".")[0] not in sys.modules:
        raise InputError(
            f"{where}: {path} is neither Hauberk's nor a layer or optimizer of torch{meant}: if you trust the code of "
            "its module, say --allow-code (in Python, import the module first)."
        )
    raise InputError(f"{where}: there is no class {path!r}{meant}.")


def lookup(path: str) -> type | None:
    """Return the class at an import path, if it is one that recipes are made of; import no code but our own."""
    module, _, name = path.rpartition(".")
    if not all(part.isidentifier() and not part.startswith("__") for part in path.split(".")):
        return None
    try:
        own = OWN.fullmatch(module)
        place = import_module(module) if own else None if path.startswith("torch.") else sys.modules.get(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        return None
    found = getattr(place, name, None)
    made_of = [base.__module__ for base in inspect.getmro(found)] if inspect.isclass(found) else []
    return found if any(OWN.fullmatch(base) or ALIKE.fullmatch(base) for base in made_of) else None


def is_foreign(path: str) -> bool:
    """Return whether a class's path leads out of Hauberk and the parts of torch that recipes are made of.

    A file of the working folder may be named like one of Hauberk's packages, `attacks.py` say: it has what they lack.
    """
    module = path.rpartition(".")[0]
    if not module or OWN.fullmatch(module):
        return False
    first = module.partition(".")[0]
    inside = {found.name for found in pkgutil.iter_modules(hauberk.__path__)} | {"concepts"}
    return first not in inside or (Path(f"{first}.py").is_file() and lookup(f"hauberk.{path}") is None)


def import_code(tree: Any) -> None:
    """Import the modules of the classes in a recipe that are not Hauberk's, because the user trusts their code.

    From then on modules are found in the working folder, too.

    Raises:
        InputError: a module cannot be imported; the message says why.
    """
    for path in class_paths(tree):
        if not is_foreign(path):
            continue
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.insert(0, here)
        module = path.rpartition(".")[0]
        try:
            import_module(module)
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            raise InputError(
                f"{path}: importing {module} failed with {type(error).__name__}: {error} (line {at.lineno} of "
                f"{at.filename}). Mend it, or start in its folder."
            ) from error


def class_paths(tree: Any) -> Iterator[str]:
    """Yield the paths of all classes that a tree names, and texts that look like such."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        if isinstance(value, dict | list):
            yield from class_paths(value)
        elif isinstance(value, str) and (key == "class" or CLASS_PATH.fullmatch(value)):
            yield value


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
        if (found.ispkg and found.name not in UNNAMED) or found.name in ("schedules", "presets"):
            module = import_module(f"hauberk.{found.name}")
            yield from (f"{found.name}.{name}" for name in getattr(module, "__all__", ()) if name[0].isupper())


def parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class's constructor by name; none of one that does not tell."""
    try:
        return inspect.signature(cls).parameters
    except ValueError:
        return {}


def arguments(path: str) -> list[str]:
    """Return the names of the arguments that the class at an import path takes."""
    return list(parameters(class_at(path)))


def class_at(path: str) -> type:
    """Return the class at a path that `full_path` returned."""
    module, _, name = path.rpartition(".")
    return getattr(sys.modules[module], name)
