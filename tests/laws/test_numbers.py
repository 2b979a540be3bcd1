"""Numbers that make no sense are refused by the constructor that they are given to, which names them."""

import importlib
import inspect
import math
import typing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from hauberk.attacks import PGD
from hauberk.errors import InputError
from hauberk.losses import Margin
from hauberk.ranges import alternatives
from hauberk.recipe import public_classes
from hauberk.threats import LinfBall
from hauberk.training import Trainer

SIGNED = {
    *("seed", "within", "range", "mean", "Hinge.threshold", "Binarize.threshold", "Binarized.threshold"),
}
"""Arguments that may be negative, of any class or of one."""
ZERO = {
    *("targets", "only", "length", "pixels", "iterations", "illustrated", "held_out", "redrawn", "padding", "eps"),
    *(
        "identity",
        "smoothness",
        "beta",
        "deviation",
        "entropy",
        "penalty",
        "weight_decay",
        "dropout",
        "rho",
        "backward",
    ),
    *("begin", "finish", "worst_weight", "noisy_share", "exact_from", "shrink", "initial", "least", "value", "values"),
    *("cost", "times", "peak", "end", "warmup", "hold", "slacks", "gradient_scale"),
    *("PGD.steps", "NIFGSM.steps", "Adam.steps", "MultiSteepestDescent.steps", "PGD.momentum", "NIFGSM.momentum"),
    *(
        "ImageFolder.memory",
        "DeepFool.overshoot",
        "ShrunkInterval.share",
        "SABR.share",
        "STAPS.share",
        "Consistency.weight",
    ),
    *(
        "FastIBP.weight",
        "FastIBP.tolerance",
        "SmoothRamp.start",
        "WithRadius.start",
        "GivenBox.scale",
        "Curve.radii",
        "Sequential.radii",
        "choice",
    ),
}
"""Arguments that may be 0, of any class or of one."""
POSITIVE = {"Restarts.times", "Geometric.end", "OutputPolytope.eps"}
"""Exceptions to them."""
SHARES = {
    *("rho", "inertia", "backward", "momentum", "dropout", "keep", "worst_weight", "noisy_share", "exact_from"),
    *("shrink", "initial", "least", "drop", "warmup", "hold", "bend", "failure", "doubt", "decay", "gain", "alpha_max"),
    *("FixedSample.alpha", "Sequential.alpha", "LBound.alpha", "Smoothing.alpha", "SABR.share", "STAPS.share"),
    *(
        "ShrunkInterval.share",
        "AdaptiveRadius.growth",
        "WeightAveraging.begin",
        "WassersteinBall.tolerance",
        "Square.p",
    ),
}
"""Arguments of which no more than 1 makes sense, of any class or of one."""
LARGE = {"Sequential.gain"}
"""Exceptions to them."""


def numbers(cls: type) -> dict[str, Any]:
    """Return the annotations of a constructor's arguments that are numbers, may be, or hold some."""
    hints = {} if cls.__init__ is object.__init__ else typing.get_type_hints(cls.__init__)
    return {name: hint for name, hint in hints.items() if name != "return" and kinds(hint) & {int, float}}


def kinds(annotation: Any) -> set[Any]:
    """Return the types that a value, or an entry of one, may have."""
    found: set[Any] = set()
    for option in alternatives(annotation):
        listed = typing.get_origin(option) in (list, tuple, Sequence)
        found |= set().union(*map(kinds, typing.get_args(option))) if listed else {option}
    return found


def placed(annotation: Any, value: object) -> object:
    """Return a value where the annotation has its numbers: alone, or in lists."""
    options = alternatives(annotation)
    lists = [option for option in options if typing.get_origin(option) in (list, tuple, Sequence)]
    return value if {int, float} & set(options) else [placed(typing.get_args(lists[0])[0], value)]


def listed(cls: type, name: str, table: set[str]) -> bool:
    """Return whether a table has an argument."""
    return bool(table & {name, *(f"{base.__name__}.{name}" for base in cls.__mro__)})


def nonsense(cls: type, name: str, annotation: Any) -> Iterator[object]:
    """Yield values that an argument must refuse."""
    yield from (math.nan, math.inf, True)
    if str not in kinds(annotation):
        yield "1"
    if float not in kinds(annotation):
        yield from (0.5, 1e30, 10**30)
    if not listed(cls, name, SIGNED):
        yield -1
    if not listed(cls, name, SIGNED | ZERO) or listed(cls, name, POSITIVE):
        yield 0
    if listed(cls, name, SHARES) and not listed(cls, name, LARGE):
        yield from (1.5, 1e30)


def constructed() -> Iterator[type]:
    """Yield the public classes that have constructors."""
    for path in [*public_classes(), "sampling.smoothed_network.Smoothing", "concepts.slopes.Constant"]:
        module, _, name = path.rpartition(".")
        cls = getattr(importlib.import_module(f"hauberk.{module}"), name)
        if inspect.isclass(cls) and not inspect.isabstract(cls) and cls.__init__ is not object.__init__:
            yield cls


def classes() -> Iterator[type]:
    """Yield those whose constructors take numbers."""
    return (cls for cls in constructed() if numbers(cls))


@pytest.mark.parametrize("cls", list(classes()))
def test_nonsense_is_refused_by_name(cls: type):
    for name, annotation in numbers(cls).items():
        for value in nonsense(cls, name, annotation):
            given = {name: placed(annotation, value)}
            with pytest.raises(InputError, match=name):
                raise AssertionError(f"{cls.__name__} takes {given}: {cls(**given)}")


def test_every_exception_is_an_argument():
    known = {name for cls in classes() for one in numbers(cls) for name in (one, f"{cls.__name__}.{one}")}
    assert known >= SIGNED | ZERO | POSITIVE | SHARES | LARGE


def plain(cls: type) -> dict[str, set[Any]]:
    """Return the types of a constructor's arguments that are texts, true or false, or null, and nothing else."""
    hints = typing.get_type_hints(cls.__init__)
    found = {name: set(alternatives(hint)) for name, hint in hints.items() if name != "return"}
    return {name: kinds for name, kinds in found.items() if kinds <= {bool, str, type(None)}}


@pytest.mark.parametrize("cls", [cls for cls in constructed() if plain(cls)])
def test_texts_and_truths_are_nothing_else(cls: type):
    for name, kinds in plain(cls).items():
        for value in (3, 0.5, [], {}, "yes", True, None):
            if type(value) not in kinds:
                with pytest.raises(InputError, match=name):
                    raise AssertionError(f"{cls.__name__} takes {value!r} for {name}: {cls(**{name: value})}")


@pytest.mark.parametrize("within", [(1, 0), (0, 0), (0.0, math.nan), (0, 1, 2), "01", 1.0, [], (0, "1"), (0, True)])
def test_a_range_has_two_ends_in_order(within: Any):
    with pytest.raises(InputError, match=r"LinfBall needs within to be a range \(low, high\) with low < high or null"):
        LinfBall(0.1, within)


@pytest.mark.parametrize(
    "eps", ["1e400", 10**400, "1:30", "1/2/3", "1/", "/2", torch.zeros(0), torch.ones(2).to(torch.complex64)]
)
def test_a_radius_is_a_number(eps: Any):
    with pytest.raises(InputError, match="eps"):
        LinfBall(eps)


@pytest.mark.parametrize(("text", "value"), [("0.5/255", 0.5 / 255), (" 8 / 255 ", 8 / 255), ("1e-2", 0.01)])
def test_a_radius_may_be_written_as_a_quotient(text: str, value: float):
    assert LinfBall(text).eps == value


def test_choices_of_words_are_refused_by_name():
    with pytest.raises(InputError, match="keep to be 'final' or 'best', but it is 'bst'"):
        Trainer(keep="bst")  # pyright: ignore


@pytest.mark.parametrize("value", [np.float32(0.25), 1])
def test_numbers_of_numpy_are_numbers(value: object):
    assert PGD(Margin(), step=value).step == value
