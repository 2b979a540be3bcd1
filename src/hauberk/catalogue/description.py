"""Descriptions of classes: their docstrings, their arguments, and how a recipe writes them."""

import ast
import re
from collections.abc import Iterator
from textwrap import indent
from typing import Any

import yaml

from hauberk.catalogue.constructors import Definition
from hauberk.catalogue.values import placeholder, written
from hauberk.catalogue.wording import in_words

SECTION = r"^Args:\n(.*?)(?=^\S|\Z)"
FROM_DATA = ("shape", "classes")
"""Arguments of networks that a recipe need not give."""


def described(path: str, found: Definition) -> Iterator[str]:
    """Yield the lines about a class."""
    yield path
    yield ""
    yield re.sub(SECTION, "", found.docstring, flags=re.DOTALL | re.MULTILINE).strip()
    texts = explanations(found)
    if found.arguments:
        yield ""
        yield "Arguments:"
    for name, argument in found.arguments.items():
        default = "required" if argument.default is None else f"default: {ast.unparse(argument.default)}"
        yield f"  {name} ({in_words(argument.annotation)}; {default})"
        if name in texts:
            yield indent(texts[name], "      ")
    yield ""
    yield from in_recipe(path, found)


def explanations(found: Definition) -> dict[str, str]:
    """Return what docstrings say about each argument, a class's own before those of what it is derived from."""
    texts: dict[str, str] = {}
    for base in reversed(found.bases):
        texts |= explanations(base)
    section = re.search(SECTION, found.docstring, re.DOTALL | re.MULTILINE)
    for names, text in re.findall(
        r"^    (\w[\w, ]*): (.*?)(?=^    \w|\Z)", section[1] if section else "", re.DOTALL | re.MULTILINE
    ):
        lines = "\n".join(line.strip() for line in text.strip().splitlines())
        texts |= {name.strip(): lines for name in names.split(",")}
    return texts


def in_recipe(path: str, found: Definition) -> Iterator[str]:
    """Yield the lines of a recipe that make an object of a class: required arguments, and the others as comments."""
    network = path.startswith("architectures.")
    required = {name: each for name, each in found.arguments.items() if each.default is None}
    required = {name: each for name, each in required.items() if not (network and name in FROM_DATA)}
    values = {name: placeholder(each.annotation) for name, each in required.items()}
    if unwritten := [name for name, value in values.items() if value is None]:
        yield f"It is made in Python alone: no recipe can write {unwritten[0]}."
        return
    yield "In a recipe (commented lines are defaults):"
    yield ""
    yield f"class: {path}"
    for name, value in values.items():
        yield f"{name}: {flow(value)}"
    for name, argument in found.arguments.items():
        if network and name in FROM_DATA:
            yield f"# {name}: that of the data"
        elif argument.default is not None:
            yield f"# {name}: {shown(argument.default)}"


def shown(default: ast.expr) -> str:
    """Return a default as a recipe writes it, or as Python does if no recipe can."""
    try:
        return flow(written(default))
    except ValueError:
        return f"{ast.unparse(default)} (in Python)"


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).strip().removesuffix("\n...")
