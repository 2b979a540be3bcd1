"""The classes that Hauberk's packages export, and the files that define them."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import hauberk

ROOT = Path(hauberk.__path__[0])
INTERNAL = ("accepted", "identity", "recipe", "watching")
"""Packages whose classes no recipe names."""


@lru_cache
def exports() -> dict[str, dict[str, Path]]:
    """Return the files of the exported classes, by package and name."""
    inits = sorted(ROOT.glob("*/__init__.py"))
    found = {file.parent.name: dict(classes(file)) for file in inits if file.parent.name not in INTERNAL}
    return {package: names for package, names in found.items() if names}


def classes(init: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names of the classes that a package's `__init__.py` exports, and their files."""
    body = ast.parse(init.read_text(encoding="utf-8")).body
    files = dict(imported(body))
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield from ((name, files[name]) for name in ast.literal_eval(node.value) if name[0].isupper())


def imported(body: list[ast.stmt]) -> Iterator[tuple[str, Path]]:
    """Yield the names that statements import from Hauberk's modules, and the modules' files."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hauberk."):
            place = ROOT.joinpath(*str(node.module).split(".")[1:])
            file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
            yield from ((each.name, file) for each in node.names)


def paths() -> dict[str, Path]:
    """Return the files of all classes, by the paths that recipes name them by."""
    return {f"{package}.{name}": file for package, names in exports().items() for name, file in names.items()}


def path_of(name: str) -> str | None:
    """Return the path of the exported class of a name, if there is one and no more."""
    found = [path for path in paths() if path.rpartition(".")[2] == name]
    return found[0] if len(found) == 1 else None


def summary(name: str, file: Path) -> str:
    """Return the first sentence of a class's docstring.

    It is looked for in the text: to parse all files would take longer than a start-up may.
    """
    text = file.read_text(encoding="utf-8")
    found = re.search(rf'^class {name}\b.*?:\n\s+r?"""(.*?)(\n\s*\n|""")', text, re.DOTALL | re.MULTILINE)
    return first_sentence(found[1]) if found else ""


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, on one line."""
    return re.split(r"(?<=[.!?])(?<!et al\.)\s", " ".join(text.split()), maxsplit=1)[0]
