"""Values of arguments as a recipe writes them: what stands for a required one, and defaults."""

import ast
from typing import Any

from hauberk.catalogue.constructors import definition
from hauberk.catalogue.exports import path_of, paths
from hauberk.catalogue.wording import LISTS, options, parts

LOSS = "losses.CrossEntropy"
SCHEDULE = {"class": "schedules.Constant", "value": 0.1}
PLACEHOLDERS: dict[str, Any] = {
    "int": 2,
    "float": 0.1,
    "str": "name",
    "Path": "file",
    "AdversarialLoss": LOSS,
    "Schedule": SCHEDULE,
    "Bounder": "bounds.Interval",
    "Attack": {"class": "attacks.PGD", "loss": LOSS},
    "SteerableAttack": {"class": "attacks.PGD", "loss": LOSS},
    "MinimumDistanceAttack": "attacks.DDN",
    "Objective": {"class": "objectives.Natural", "loss": LOSS},
    "Verifier": {"class": "verification.ByBound", "bounder": "bounds.Interval"},
    "BoundRegularizer": {"class": "regularizers.ReLUStability", "weight": SCHEDULE},
    "Augmentation": "augmentations.Flip",
    "SmoothingNoise": {"class": "smoothing.Gaussian", "sigma": 0.25},
    "Certification": "smoothing.FixedSample",
    "Dataset": "datasets.MNIST",
    "ThreatModel": {"class": "threats.LinfBall", "eps": 0.1},
    "nn.Module": {"class": "architectures.FullyConnected", "shape": [1, 28, 28], "classes": 10, "hidden": [100]},
}
"""A value for each type that a required argument may have."""
EMPTY: dict[str, Any] = {"dict": {}, "list": []}


def placeholder(kind: ast.expr) -> Any:
    """Return a value that an argument of a type may have; None if no recipe can write one."""
    first, *_ = options(kind)
    name, inner = parts(first)
    if name in LISTS:
        several = name == "tuple" and not isinstance(inner[-1], ast.Constant)
        values = [placeholder(each) for each in (inner if several else inner[:1])]
        return None if None in values else values
    if name == "Annotated":
        return placeholder(inner[0])
    if name == "Mapping":
        value = placeholder(inner[1])
        return None if value is None else {"name": value}
    if name == "Literal":
        return ast.literal_eval(inner[0])
    return PLACEHOLDERS.get(ast.unparse(first))


def written(expression: ast.expr) -> Any:
    """Return an expression's value as a recipe writes it.

    Raises:
        ValueError: it is no plain value and makes no object of an exported class.
    """
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        name = expression.func.id
        if name in EMPTY:
            return EMPTY[name]
        path = path_of(name)
        found = definition(name, paths()[path]) if path else None
        if found is not None:
            given = dict(zip(found.arguments, expression.args, strict=False))
            given |= {str(each.arg): each.value for each in expression.keywords}
            return {"class": path, **{key: written(value) for key, value in given.items()}} if given else path
    if isinstance(expression, ast.Attribute) and ast.unparse(expression).startswith("torch."):
        return ast.unparse(expression)
    value = ast.literal_eval(expression)
    return list(value) if isinstance(value, tuple) else value
