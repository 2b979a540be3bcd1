"""Recipes: YAML files that name classes by their path inside hauberk, and their arguments.

A class is written as `class: threats.LinfBall` beside its arguments, or by its path alone where it takes none.
Arguments are checked against the constructors' annotations before anything runs; what is not in a recipe has the
constructor's default. A recipe may hold variants of itself, runs that are made beside it to be compared with it:

    variants:
      standard:
        trainer.objective: {class: objectives.Natural, loss: losses.CrossEntropy}
"""

import copy
import difflib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from torch import nn

import hauberk
from hauberk.concepts.dataset import Dataset
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.evaluation import Curve, Evaluator
from hauberk.training import Trainer

Tree = dict[str, Any]
CLASS_PATH = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)*\.[A-Z]\w*")


@dataclass(frozen=True)
class Recipe:
    """Everything that a run is made of."""

    data: Dataset
    network: nn.Module
    threat: ThreatModel
    trainer: Trainer
    evaluator: Evaluator


def shipped_recipes() -> dict[str, str]:
    """Return the recipes that ship with Hauberk: their texts by name."""
    found = [item for item in files("hauberk.recipes").iterdir() if item.name.endswith(".yaml")]
    return {item.name.removesuffix(".yaml"): item.read_text(encoding="utf-8") for item in sorted(found, key=str)}


def read_recipe(name: str, overrides: list[str]) -> Tree:
    """Return the tree of a recipe, a file or the name of a shipped one, after `key.path=value` overrides.

    Raises:
        InputError: there is no such recipe, it is no valid YAML mapping, or an override is malformed.
    """
    shipped = shipped_recipes()
    if Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    elif name in shipped:
        text = shipped[name]
    else:
        raise InputError(f"there is no recipe {name!r}: give a file, or one of {', '.join(shipped)}.")
    tree = parsed(text, name)
    if not isinstance(tree, dict):
        raise InputError(f"{name} is no recipe: it must be a mapping of {', '.join(sections())}.")
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InputError(f"--set takes key=value (say trainer.epochs=3), but got {override!r}.")
        assign(tree, key.split("."), parsed(value, override), f"--set {override}")
    return tree


def variants(tree: Tree) -> dict[str, Tree]:
    """Return the trees of a recipe's variants by their names: its own tree with some keys changed.

    Raises:
        InputError: the variants are no mapping of names to changes, or a name is no name of a folder.
    """
    found = {}
    given = tree.get("variants", {})
    if not isinstance(given, dict):
        raise InputError(f"variants must be a mapping of names to changes, not {given!r}.")
    for name, changes in given.items():
        if not re.fullmatch(r"\w[\w.+-]*", str(name)) or not isinstance(changes, dict):
            raise InputError(f"variants.{name}: a variant is a word, and a mapping of key.path to value.")
        found[str(name)] = copy.deepcopy({key: value for key, value in tree.items() if key != "variants"})
        for key, value in changes.items():
            assign(found[str(name)], str(key).split("."), copy.deepcopy(value), f"variants.{name}.{key}")
    return found


def build(tree: Tree) -> Recipe:
    """Return the objects of a recipe, without its variants.

    The network is given the data's shape and classes where the recipe has none.

    Raises:
        InputError: a key, class or value is wrong; the message says where, and what may have been meant.
    """
    for key in tree:
        if key not in sections():
            raise InputError(f"a recipe has no {key!r}{nearest(key, sections())}: it has {', '.join(sections())}.")
    content = {key: expanded(value, key) for key, value in tree.items() if key not in ("seed", "variants")}
    seed = tree.get("seed", 0)
    for section in ("trainer", "evaluator"):
        if isinstance(content.get(section), dict):
            content[section] = {"seed": seed, **content[section]}
    data = instantiated({"data": content.get("data")})["data"]
    complete_network(content.get("network"), data)
    with torch.random.fork_rng():
        torch.manual_seed(seed if isinstance(seed, int) else 0)
        rest = instantiated({key: content.get(key) for key in ("network", "threat", "trainer", "evaluator")})
    return Recipe(data, **rest)


def sections() -> list[str]:
    return [*(field.name for field in fields(Recipe)), "seed", "variants"]


def parsed(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{source} is no valid YAML: {error}") from error


def assign(tree: Tree, keys: list[str], value: Any, override: str) -> None:
    """Set the value at a path of a tree of mappings and lists; mappings that are missing on the way are made.

    `override` is how messages call the change.
    """
    item: Any = tree
    for depth, key in enumerate(keys):
        if isinstance(item, list) and key.isdigit() and int(key) < len(item):
            place: Any = int(key)
        elif isinstance(item, dict):
            place = key
        else:
            raise InputError(f"{override}: the recipe has no {'.'.join(keys[: depth + 1])}.")
        if depth == len(keys) - 1:
            item[place] = value
        else:
            item = item.setdefault(place, {}) if isinstance(item, dict) else item[place]


def expanded(value: Any, where: str) -> Any:
    """Return a tree in which classes are written as jsonargparse wants them."""
    if isinstance(value, dict):
        inner = {key: expanded(item, f"{where}.{key}") for key, item in value.items() if key != "class"}
        if "class" not in value:
            return inner
        return {"class_path": full_path(str(value["class"]), where), "init_args": inner}
    if isinstance(value, list):
        return [expanded(item, f"{where}.{number}") for number, item in enumerate(value)]
    if isinstance(value, str) and CLASS_PATH.fullmatch(value):
        return {"class_path": full_path(value, where)}
    return value


def full_path(path: str, where: str) -> str:
    """Return the import path of a class, looked up inside hauberk first."""
    for candidate in (f"hauberk.{path}", path):
        module, _, name = candidate.rpartition(".")
        try:
            if inspect.isclass(getattr(importlib.import_module(module), name, None)):
                return candidate
        except (ImportError, ValueError):
            continue
    raise InputError(f"{where}: there is no class {path!r}{nearest(path, list(public_classes()))}.")


def public_classes() -> Iterator[str]:
    """Yield the paths, inside hauberk, of the classes that its packages export."""
    for found in pkgutil.iter_modules(hauberk.__path__):
        if found.ispkg or found.name in ("schedules", "presets"):
            module = importlib.import_module(f"hauberk.{found.name}")
            yield from (f"{found.name}.{name}" for name in getattr(module, "__all__", ()) if name[0].isupper())


def complete_network(network: Any, data: Dataset) -> None:
    """Fill in the constructor's `shape` and `classes` from the data set where the recipe leaves them out."""
    if isinstance(network, dict) and "class_path" in network:
        module, _, name = network["class_path"].rpartition(".")
        wanted = inspect.signature(getattr(importlib.import_module(module), name)).parameters
        known = {"shape": list(data.shape), "classes": len(data.classes)}
        given = network.get("init_args", {})
        network["init_args"] = {key: value for key, value in known.items() if key in wanted} | given


def instantiated(content: Tree) -> dict[str, Any]:
    """Return the objects of some sections, their arguments checked against the constructors' annotations."""
    types = {field.name: field.type for field in fields(Recipe)}
    parser = ArgumentParser(exit_on_error=False)
    for key in content:
        parser.add_argument(f"--{key}", type=types[key], required=True)
    missing = [key for key, value in content.items() if value is None]
    if missing:
        raise InputError(f"the recipe lacks {', '.join(missing)}.")
    try:
        objects: Namespace = parser.instantiate(parser.parse_object(content))
    except ArgumentError as error:
        raise InputError(explained(str(error), content)) from error
    return vars(objects)


NOISE = (
    *("Parser key", "Problem with given class_path", "Subtypes:", "Errors:", "Does not validate", "Subclass types"),
    "Given value: Namespace",
)


def explained(message: str, content: Tree) -> str:
    """Return jsonargparse's message as one line that says where, what, and what may have been meant."""
    where = ".".join(re.findall(r"""(?:key "|Group ')([^"']+)""", message)) or "recipe"
    if unknown := re.search(r"""[Oo]ption '([^']+)'""", message):
        return f"{where}: there is no argument {unknown[1]!r}{nearest(unknown[1], known_arguments(content))}."
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith((*NOISE, "a ", "Not a valid", "Given value type"))]
    fitting = [line for line in kept if "does not correspond to a subclass" not in line]
    kept = fitting or kept  # of several kinds that would do, the one that was tried
    reason = re.sub(r"<class '([^']+)'>", r"\1", "; ".join(kept))
    return f"{where}: {reason}"


def known_arguments(content: object) -> list[str]:
    """Return the names of all arguments that the classes of a tree take."""
    names = {name for cls in (Trainer, Evaluator, Curve) for name in inspect.signature(cls).parameters}
    stack = [content]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(path := item.get("class_path"), str):
                module, _, name = path.rpartition(".")
                names |= set(inspect.signature(getattr(importlib.import_module(module), name)).parameters)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return sorted(names)


def nearest(word: str, known: list[str]) -> str:
    """Return " (did you mean ...?)" where something known is close."""
    close = difflib.get_close_matches(word, [name for name in known if name != word], 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
