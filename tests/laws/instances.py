"""Instances of every concrete class of a concept, built from the constructors' annotations alone.

A new leaf file is found by walking the leaf packages; nothing here names a class but the few in OVERRIDES.
"""

import collections.abc
import importlib
import inspect
import itertools
import math
import pkgutil
import types
import typing
from typing import Any

import torch
from torch import nn

import hauberk
from hauberk.attacks import FGSM, PGD, BlendedNoise, RandomMember, SaltAndPepper, Square
from hauberk.bounds import BackwardLinear, ForwardLinear, Interval
from hauberk.concepts.slopes import Adaptive, Parallel
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Adversarial, Certified, Free
from hauberk.schedules import Constant
from hauberk.threats import L1Ball, L2Ball, LinfBall
from hauberk.verification import ByBound, MixedInteger

LEAVES = (
    *("threats", "losses", "attacks", "ops", "bounds", "smoothing", "regularizers", "objectives", "verification"),
    *("studies", "schedules", "augmentations", "concepts"),
)
DEPTH = 2  # how far concepts nest: an attack of an attack, but no further
BY_NAME: dict[str, list[Any]] = {"eps": [0.1, 0.0, "8/255"], "steps": [5]}
OVERRIDES: dict[tuple[str, str], list[Any]] = {
    ("Piecewise", "times"): [[0.0, 0.25, 0.25, 1.0]],
    ("Piecewise", "values"): [[1.0, 0.5, 0.25, 0.0]],
    ("Steps", "times"): [[0.0, 0.5]],
    ("Steps", "values"): [[1.0, 0.1]],
    ("L2Ball", "eps"): [0.5, 0.0, 1.5],
    ("L1Ball", "eps"): [1.5, 0.0, 6.0],
    ("L1Ball", "coordinates"): [None, (2, 5)],
    ("L0Ball", "eps"): [3, 0, 5.5],
    ("L0Ball", "within"): [(0.0, 1.0)],
    ("GivenBox", "lower"): [-0.05 * torch.ones(1, 1, 4, 4), torch.linspace(-0.1, 0.0, 16).view(1, 1, 4, 4)],
    ("GivenBox", "upper"): [torch.linspace(1.0, 1.3, 16).view(1, 1, 4, 4)],
    ("Union", "threats"): [[LinfBall(0.1), L2Ball(0.3), L1Ball(1.0)], [L2Ball("1/2", None)]],
    ("Adversarial", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("TRADES", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("Mixup", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("SABR", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("SABR", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("TAPS", "latent_attack"): [PGD(Margin(), 3, 0.4, False)],
    ("TAPS", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("TAPS", "activations"): [1],
    ("STAPS", "attack"): [FGSM(Margin(), start=RandomMember())],
    ("STAPS", "latent_attack"): [PGD(Margin(), 3, 0.4), FGSM(Margin())],
    ("STAPS", "bounder"): [Interval()],
    ("STAPS", "activations"): [1],
    ("MTLIBP", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("MTLIBP", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("CCIBP", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("CCIBP", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("EXPIBP", "attack"): [FGSM(Margin(), start=RandomMember()), PGD(Margin(), 3, 0.4, False)],
    ("EXPIBP", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("BoundRegularized", "objective"): [Adversarial(FGSM(Margin()), CrossEntropy())],
    ("BoundRegularized", "bounder"): [Interval(), BackwardLinear(Interval())],
    ("SparseWeights", "objective"): [Free(CrossEntropy(), 2), Certified(Interval(), CrossEntropy(), Constant(0.5))],
    ("AdaptiveRadius", "objective"): [
        Adversarial(FGSM(Margin()), CrossEntropy()),
        Certified(Interval(), CrossEntropy(), Constant(0.5)),
    ],
    ("NearMisses", "probe"): [FGSM(Margin())],
    ("NearMisses", "attack"): [PGD(Margin(), 3, 0.4)],
    ("Restarts", "attack"): [PGD(Margin(), 3, 0.4), FGSM(Margin(), start=RandomMember())],
    ("Targeted", "attack"): [PGD(Margin(), 3, 0.4)],
    ("EachMember", "attack"): [PGD(Margin(), 3, 0.4)],
    ("EachMember", "only"): [None, 0],
    ("Strongest", "attacks"): [{"step": FGSM(Margin()), "steps": PGD(Margin(), 3, 0.4)}],
    ("WorstOf", "attacks"): [[FGSM(Margin()), PGD(Margin(), 3, 0.4)]],
    ("AverageOf", "attacks"): [[FGSM(Margin()), PGD(Margin(), 3, 0.4)]],
    ("PGD", "momentum"): [0.0, 1.0],
    ("PGD", "samples"): [1, 2],
    ("MultiSteepestDescent", "step"): [0.3],
    ("Square", "queries"): [20],
    ("Square", "start"): [None, FGSM(Margin())],
    ("SquareWindows", "queries"): [20],
    ("SquareWindows", "start"): [None],
    ("GaussianNoise", "draws"): [5],
    ("UniformNoise", "draws"): [5],
    ("Transfer", "attack"): [FGSM(Margin()), Square(Margin(), 20)],
    ("Transfer", "surrogate"): [nn.Sequential(nn.Flatten(), nn.Linear(16, 4, dtype=torch.float64))],
    ("BlendedNoise", "draws"): [20],
    ("BlendedNoise", "blends"): [5],
    ("Boundary", "start"): [BlendedNoise(20, 5)],
    ("Pointwise", "start"): [SaltAndPepper(20)],
    ("Pointwise", "halvings"): [2],
    ("BackwardLinear", "intermediate"): [None, Interval(), ForwardLinear()],
    ("BackwardLinear", "slopes"): [Adaptive(), Parallel()],
    ("BackwardLinear", "budget"): [2**26, 6000],
    ("LinearProgram", "intermediate"): [Interval()],
    ("OptimizedLinear", "intermediate"): [None],
    ("DualNetwork", "budget"): [2**26],
    ("DualNetwork", "frugal"): [False],
    ("OptimizedLinear", "iterations"): [3],
    ("OptimizedLinear", "rate"): [0.1],
    ("OptimizedLinear", "decay"): [0.98],
    ("OptimizedLinear", "budget"): [2**28],
    ("CarliniWagner", "rounds"): [2],
    ("CarliniWagner", "weight"): [1.0],
    ("ElasticNet", "rounds"): [2],
    ("ElasticNet", "weight"): [1.0],
    ("DeepFool", "classes"): [3],
    ("FAB", "targets"): [2, 0],
    ("FAB", "restarts"): [2],
    ("MixedInteger", "seconds"): [0.01],
    ("MixedInteger", "intermediate"): [Interval(), BackwardLinear()],
    ("InOrder", "verifiers"): [[ByBound(Interval()), MixedInteger(BackwardLinear(), 0.01)]],
    ("HighProbability", "rows"): [200],
    ("LeakyReLU", "negative_slope"): [0.01, 0.0, -0.6, 1.7],
    ("Hardtanh", "minimum"): [-1.0, 0.0, -math.inf],
    ("Hardtanh", "maximum"): [1.0, 2.5, math.inf],
    ("Softplus", "beta"): [1.0, 3.0],
    ("Softplus", "threshold"): [20.0, 17.0],
    ("CELU", "alpha"): [1.0, 0.5],
}


def load() -> None:
    """Import every leaf, so that subclasses are known."""
    for name in LEAVES:
        try:
            module = importlib.import_module(f"{hauberk.__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{hauberk.__name__}.{name}":
                raise
            continue
        for leaf in pkgutil.iter_modules(getattr(module, "__path__", [])):
            importlib.import_module(f"{module.__name__}.{leaf.name}")


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
    if not cls.__module__.startswith(f"{hauberk.__name__}.") or cls.__module__.endswith("presets"):
        return False
    exported = getattr(importlib.import_module(cls.__module__.rpartition(".")[0]), "__all__", [cls.__name__])
    return cls.__name__ in exported


def instances(concept: type, *, whole: bool = False, depth: int = DEPTH) -> list[Any]:
    """Return instances of every concrete class: one argument varied at a time, or the whole product of arguments."""
    built: list[Any] = []
    for cls in concrete(concept):
        options = arguments(cls, depth, whole)
        missing = [name for name, found in options.items() if not found]
        if missing and depth == DEPTH:
            raise TypeError(f"{cls.__name__}: no value is known for {missing}: add it to OVERRIDES.")
        if not missing:
            found = [instance for choice in choices(options, whole) for instance in made(cls, choice)]
            if not found:
                raise TypeError(f"{cls.__name__} refuses every choice of its arguments: add one to OVERRIDES.")
            built += found
    return built


def made(cls: type, choice: dict[str, Any]) -> list[Any]:
    """Return the instance, or none where the class refuses one of the parts that it would be made of."""
    try:
        return [cls(**choice)]
    except InputError:
        return []


def choices(options: dict[str, list[Any]], whole: bool) -> list[dict[str, Any]]:
    if whole:
        return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]
    first = {name: values[0] for name, values in options.items()}
    return [first] + [first | {name: value} for name, values in options.items() for value in values[1:]]


def arguments(cls: type, depth: int, whole: bool) -> dict[str, list[Any]]:
    """Return the values that each constructor argument may take."""
    if cls.__init__ is object.__init__:
        return {}
    hints = typing.get_type_hints(cls.__init__)
    options: dict[str, list[Any]] = {}
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if (cls.__name__, name) in OVERRIDES:
            options[name] = OVERRIDES[cls.__name__, name]
        elif name in BY_NAME:
            options[name] = BY_NAME[name]
        else:
            plain = parameter.default is not inspect.Parameter.empty and type(parameter.default).__name__ != (
                "_HAS_DEFAULT_FACTORY_CLASS"
            )
            default = [parameter.default] if plain else []
            others = values(hints[name], depth, whole, bool(default))
            options[name] = default + [value for value in others if not default or value != default[0]]
    return options


def values(annotation: Any, depth: int, whole: bool, has_default: bool) -> list[Any]:
    """Return values of an annotation; where there is a default, only its discrete alternatives."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return [value for one in inner for value in values(one, depth, whole, has_default)]
    if annotation is type(None):
        return [None]
    if annotation is bool:
        return [False, True]
    if origin is collections.abc.Sequence:
        return [[value] for value in values(inner[0], depth, whole, False)]
    if origin is list:
        return [[]] + [[value] for value in values(inner[0], depth, whole, False)]
    if inspect.isclass(annotation) and inspect.isabstract(annotation):
        return instances(annotation, whole=whole, depth=depth - 1) if depth > 0 else []
    if has_default:
        return []
    if annotation is float:
        return [0.5]
    if annotation is int:
        return [2]
    if annotation is str:
        return ["name"]
    if origin is tuple:
        return [tuple(values(one, depth, whole, False)[0] for one in inner if one is not Ellipsis)]
    return []


def label(instance: Any) -> str:
    """Return a short name for a test's id: the class and what it was built from."""
    if isinstance(instance, list | tuple):
        return "[" + ",".join(label(one) for one in instance) + "]"
    if isinstance(instance, torch.Tensor):
        return f"tensor{tuple(instance.shape)}"
    if not type(instance).__module__.startswith(hauberk.__name__):
        return str(instance)
    fields = getattr(instance, "__dataclass_fields__", {})
    return f"{type(instance).__name__}({','.join(label(getattr(instance, name)) for name in fields)})"
