"""The lines that `hauberk info` prints."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from hauberk.catalogue.constructors import definition
from hauberk.catalogue.description import described
from hauberk.catalogue.exports import exports, first_sentence, path_of, paths, summary
from hauberk.errors import InputError
from hauberk.recipe_text.reading import shipped_recipes
from hauberk.suggestion import nearest


def overview() -> Iterator[str]:
    """Yield what there is: versions, recipes, and the classes of every package."""
    yield f"hauberk {version('hauberk')}, torch {version('torch')}, Python {platform.python_version()}"
    yield ""
    yield "recipes:"
    yield from recipes()
    for package, names in exports().items():
        yield ""
        yield f"{package}:"
        yield from listed(package, names)
    yield ""
    yield "hauberk info NAME says more about a recipe, a package or a class; --operators and --devices list those."


def about(name: str) -> Iterator[str]:
    """Yield what is known of a shipped recipe, a package or a class, by its path or its name alone.

    Raises:
        InputError: there is none of that name.
    """
    shipped, known = shipped_recipes(), paths()
    path = name if name in known else path_of(name)
    if name in shipped:
        yield shipped[name].rstrip("\n")
    elif name == "recipes":
        yield from recipes()
    elif name in exports():
        yield from listed(name, exports()[name])
    elif path is not None and (found := definition(path.rpartition(".")[2], known[path])):
        yield from described(path, found)
    else:
        meant = nearest(name, [*known, *(each.rpartition(".")[2] for each in known), *exports(), *shipped, "recipes"])
        raise InputError(f"there is no recipe, package or class {name!r}{meant}: hauberk info lists all of them.")


def recipes() -> Iterator[str]:
    """Yield a line for each shipped recipe: its name, and the first sentence of its file."""
    texts = shipped_recipes()
    width = max(map(len, texts))
    yield from (f"  {name:{width}}  {sentence(text)}" for name, text in texts.items())


def sentence(text: str) -> str:
    """Return the first sentence of the comment that a recipe begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# "))
    return first_sentence(" ".join(lines))


def listed(package: str, names: Mapping[str, Path]) -> Iterator[str]:
    """Yield a line for each class of a package: its path, and the first sentence of its docstring."""
    width = max(map(len, names))
    yield from (f"  {package}.{name:{width}}  {summary(name, file)}" for name, file in names.items())
