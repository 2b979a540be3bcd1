"""Construction of a recipe's objects from its tree."""

from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from torch import nn

from hauberk.concepts.dataset import Dataset
from hauberk.concepts.noise import require_seed
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import HauberkError, InputError
from hauberk.evaluation import Evaluator
from hauberk.recipe.classes import CLASS_PATH, arguments, class_at, full_path
from hauberk.recipe.kinds import allows, inner, name_of, takes_object
from hauberk.recipe.mistakes import explained
from hauberk.recipe_text.tree import OBJECTS, SECTIONS, Tree
from hauberk.reports.recipe_keys import as_number
from hauberk.suggestion import nearest
from hauberk.training import Trainer


@dataclass(frozen=True)
class Recipe:
    """Everything that a run is made of.

    Args:
        data: the data set.
        network: the network, untrained.
        threat: the threat that the evaluation is about.
        trainer: trains the network.
        evaluator: judges the network.
        training_threat: the threat that training defends against; the evaluation's own unless a recipe says otherwise.
    """

    data: Dataset
    network: nn.Module
    threat: ThreatModel
    trainer: Trainer
    evaluator: Evaluator
    training_threat: ThreatModel


KINDS = {field.name: field.type for field in fields(Recipe)}


def build(tree: Tree) -> Recipe:
    """Return the objects of a recipe, without its variants and scales.

    The network is given the data's shape and classes unless the recipe has its own.

    Raises:
        InputError: a key, class or value is wrong; the message says where, and may suggest a correction.
    """
    if "audit" in tree:
        raise InputError("this is the recipe of an audit, which `hauberk audit` repeats: hauberk audit recipe.yaml.")
    for key in tree:
        if key not in SECTIONS:
            raise InputError(f"a recipe has no {key!r}{nearest(key, list(SECTIONS))}: it has {', '.join(SECTIONS)}.")
    content = {
        key: expanded(tree.get(key), KINDS[key], key) for key in OBJECTS if key in tree or key != "training_threat"
    }
    seed = tree.get("seed", 0)
    require_seed(seed)
    for section in ("trainer", "evaluator"):
        if isinstance(content[section], dict):
            content[section] = {"seed": seed, **content[section]}
    data = instantiated({"data": content.pop("data")})["data"]
    complete_networks(content["network"], {"shape": list(data.shape), "classes": len(data.classes)})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        rest = instantiated(content)
    return Recipe(data, **{"training_threat": rest["threat"], **rest})


def expanded(value: Any, kind: Any, where: str) -> Any:
    """Return a tree in which classes are written as jsonargparse expects them.

    Text names a class only where an object is asked for: jsonargparse would import, or read as a file, what it names.

    Args:
        value: the tree.
        kind: the annotation of the argument that it is given for; None if that is unknown.
        where: its place in the recipe.

    Raises:
        InputError: there is no such class, or text stands where an object must.
    """
    if isinstance(value, dict):
        if written := value.keys() & {"class_path", "init_args"}:
            raise InputError(f"{where}: write `class: name`, its arguments beside it, instead of {min(written)}.")
        path = full_path(str(value["class"]), where) if "class" in value else None
        if path and kind is not None and not allows(kind, class_at(path)):
            raise InputError(f"{where}: needs {name_of(kind)}, but {path.removeprefix('hauberk.')} is none.")
        kind = class_at(path) if path else kind
        for key, item in value.items():  # jsonargparse loses empty mappings
            if item == {} and key != "class" and kind is not None and inner(kind, key) is None:
                raise InputError(f"{where}: there is no argument {key!r}.")
        parts = {
            key: expanded(item, inner(kind, key), f"{where}.{key}") for key, item in value.items() if key != "class"
        }
        return {"class_path": path, "init_args": parts} if path else parts
    if isinstance(value, list):
        return [expanded(item, inner(kind, None), f"{where}.{number}") for number, item in enumerate(value)]
    if not isinstance(value, str) or not takes_object(kind) or isinstance(as_number(value), float):
        return value
    if not CLASS_PATH.fullmatch(value):
        raise InputError(
            f"{where}: needs {name_of(kind)}, written as a mapping (class: name, then its arguments), but is {value!r}."
        )
    return {"class_path": full_path(value, where), "init_args": {}}


def complete_networks(part: Any, known: Tree) -> None:
    """Fill in known facts about the data wherever a constructor takes them and the recipe leaves them out."""
    if isinstance(part, dict):
        for inner in part.values():
            complete_networks(inner, known)
        if "class_path" in part:
            wanted = arguments(part["class_path"])
            part["init_args"] = {key: value for key, value in known.items() if key in wanted} | part["init_args"]


def instantiated(content: Tree) -> dict[str, Any]:
    """Return the objects of some sections, their arguments checked against the constructors' annotations."""
    parser = ArgumentParser(exit_on_error=False)
    for key in content:
        parser.add_argument(f"--{key}", type=KINDS[key], required=True)
    missing = [key for key, value in content.items() if value is None]
    if missing:
        raise InputError(f"the recipe lacks {', '.join(missing)}.")
    try:
        objects: Namespace = parser.instantiate(parser.parse_object(deepcopy(content)))
    except ArgumentError as error:
        raise InputError(explained(str(error), content)) from error
    except ValueError as error:  # where an argument may also be None, what its class said is wrapped, maybe twice
        said: BaseException | None = error
        while not isinstance(said, HauberkError):
            if said is None:
                raise
            said = said.__cause__
        raise said from None
    return vars(objects)
