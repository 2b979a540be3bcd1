"""Pairs of parts of every kind that differ as little as they can."""

import functools
import random
import re
from collections import namedtuple
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from hauberk.attacks import PGD, Transfer
from hauberk.losses import CrossEntropy
from hauberk.threats import GivenBox


class Plain:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("__hidden", "shown")

    def __init__(self, shown: object, hidden: object) -> None:
        self.shown, self.__hidden = shown, hidden


class Colour(Enum):
    RED = 1
    BLUE = 2


Pair = namedtuple("Pair", "first second")


class Labelled(list):
    label = ""


@dataclass(frozen=True)
class Frozen:
    steps: int
    cache: dict = field(default_factory=dict, init=False, compare=False)

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.steps


@dataclass
class Derived:
    given: InitVar[int]
    made: int = field(init=False)

    def __post_init__(self, given: int) -> None:
        self.made = given


class Layer(nn.Module):
    """Keeps what torch does not print."""

    def __init__(self, p: float = 0.3, **attributes: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.p = nn.Linear(2, 2), p
        self.__dict__.update(attributes)

    def forward(self, x):
        return self.inner(x) * self.p


def captured(k: object) -> Callable:
    return lambda x: x * k


def local_class(k: int) -> type:
    class Local:
        @staticmethod
        def times(x):
            return x * k

        @property
        def own(self):
            return super().__hash__()

    return Local


def local_layer(k: int) -> nn.Module:
    class Local(nn.Module):
        def forward(self, x):
            return x * k

    return Local()


def renamed(k: int) -> Callable:
    function = captured(k)
    function.__qualname__ = "named"
    return function


def tensor(**changes: float) -> torch.Tensor:
    made = torch.arange(6, dtype=torch.float32).view(2, 3)
    for place, value in changes.items():
        made.view(-1)[int(place[1:])] = value
    return made


def linear(value: float = 0.0, *, dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype)
    with torch.no_grad():
        network[2].bias[1] = value
    return network


def with_buffer(value: float) -> nn.Module:
    network = linear()
    network.register_buffer("seen", torch.tensor(value), persistent=False)
    return network


def hooked(value: float) -> nn.Module:
    network = linear()
    network.register_forward_hook(captured(value))
    return network


def scripted(value: float) -> Callable:
    constant = torch.full((2,), value)
    return torch.jit.trace(lambda x: x + constant, torch.ones(2), check_trace=False)


def quantised(value: float) -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(linear(value), {nn.Linear})


def exported(p: float) -> nn.Module:
    return torch.fx.symbolic_trace(Layer(p))


def box(high: float) -> GivenBox:
    upper = torch.ones(1, 1200)
    upper[0, 1100] = high
    return GivenBox(torch.zeros(1, 1200), upper)


NEAR_ONE = 1 - 2**-24


def pairs() -> dict[str, tuple[object, object]]:
    """Return, of every kind of part, two that differ as little as they can; all of them new objects."""
    return {
        "bool": (True, False),
        "bool and int": (True, 1),
        "int and float": (1, 1.0),
        "int": (2**70, 2**70 + 1),
        "float": (1.0, NEAR_ONE),
        "zeros": (0.0, -0.0),
        "nan": (float("nan"), float("inf")),
        "complex": (1j, complex(NEAR_ONE, 1)),
        "text": ("a", "b"),
        "long text": ("a" * 1000, "a" * 999 + "b"),
        "bytes": (b"ab", b"ac"),
        "None": (None, "None!"),
        "enum": (Colour.RED, Colour.BLUE),
        "path": (Path("a/b"), Path("a/c")),
        "dtype": (torch.float32, torch.float64),
        "device": (torch.device("cpu"), torch.device("cuda")),
        "class": (torch.optim.Adam, torch.optim.SGD),
        "function": (torch.relu, torch.tanh),
        "named function": (nn.functional.relu, nn.functional.elu),
        "lambda": (lambda x: x + 1, lambda x: x + 2),
        "lambda's methods": (lambda x: x.sum(), lambda x: x.mean()),
        "lambda within": (lambda x: [y + 1 for y in x], lambda x: [y + 2 for y in x]),
        "default": (lambda x, k=1: x * k, lambda x, k=2: x * k),
        "option": (lambda x, *, k=1: x * k, lambda x, *, k=2: x * k),
        "captured": (captured(1), captured(2)),
        "captured by a named function": (renamed(1), renamed(2)),
        "captured tensor": (captured(tensor()), captured(tensor(_5=7))),
        "captured lambda": (captured(captured(1)), captured(captured(2))),
        "method": (Pair(1, 2)._replace, Pair(1, 3)._replace),
        "builtin method": ([1].append, [2].append),
        "cached function": (functools.lru_cache(captured(1)), functools.lru_cache(captured(2))),
        "partial": (functools.partial(torch.optim.SGD, lr=0.1), functools.partial(torch.optim.SGD, lr=0.2)),
        "script": (torch.jit.script(nn.functional.relu), torch.jit.script(nn.functional.relu6)),
        "script's constant": (scripted(1.0), scripted(2.0)),
        "tensor": (tensor(), tensor(_5=7)),
        "a tensor's lowest bit": (torch.tensor([1.0]), torch.tensor([1.0]).nextafter(torch.tensor([2.0]))),
        "shape": (tensor(), tensor().view(3, 2)),
        "type": (tensor(), tensor().double()),
        "half types": (tensor().half(), tensor().bfloat16()),
        "no elements": (torch.zeros(0, 3), torch.zeros(3, 0)),
        "number in a tensor": (torch.tensor(1.0), torch.tensor([1.0])),
        "nan in a tensor": (torch.tensor([torch.nan]), torch.tensor([torch.inf])),
        "truth values": (torch.tensor([True, False]), torch.tensor([True, True])),
        "complex tensor": (torch.tensor([1j]), torch.tensor([1j]).conj()),
        "sparse": (tensor().to_sparse(), tensor(_5=7).to_sparse()),
        "sparse rows": (tensor().to_sparse_csr(), tensor(_5=7).to_sparse_csr()),
        "array": (tensor().numpy(), tensor(_5=7).numpy()),
        "array's number": (np.float32(1), np.float32(2)),
        "array of objects": (np.array([1, "a"], dtype=object), np.array([1, "b"], dtype=object)),
        "masked array": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
        "fields of an array": (np.zeros(2, [("a", "i4")]), np.zeros(2, [("b", "i4")])),
        "list": ([1, 2], [2, 1]),
        "length": ([1, 2], [1, 2, 3]),
        "nesting": ([[1], 2], [1, [2]]),
        "set": ({1, 2}, {1, 3}),
        "mapping": ({"a": 1}, {"a": 2}),
        "key": ({"a": 1}, {"b": 1}),
        "order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        "kind of key": ({1: 2}, {"1": 2}),
        "tuple as key": ({(1, 2): 0}, {(1, 3): 0}),
        "named tuple": (Pair(1, 2), Pair(1, 3)),
        "list with attributes": (Labelled([1]), Labelled([2])),
        "attribute": (Plain(a=1), Plain(a=2)),
        "further attribute": (Plain(a=1), Plain(a=1, b=1)),
        "slot": (Slotted(1, 2), Slotted(1, 3)),
        "dataclass": (Frozen(1), Frozen(2)),
        "field that follows": (Derived(1), Derived(2)),
        "class of an object": (Frozen(1), SimpleNamespace(steps=1)),
        "class that a function makes": (local_class(1), local_class(2)),
        "object of such a class": (local_class(1)(), local_class(2)()),
        "layer of such a class": (local_layer(1), local_layer(2)),
        "attribute of a class": (type("Made", (), {"steps": 1}), type("Made", (), {"steps": 2})),
        "range": (range(3), range(4)),
        "pattern": (re.compile("a"), re.compile("a", re.IGNORECASE)),
        "generator of numbers": (np.random.default_rng(1), np.random.default_rng(2)),
        "generator of Python": (random.Random(1), random.Random(2)),
        "generator of torch": (torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)),
        "weight": (linear(), linear(1e-30)),
        "nan weight": (linear(torch.nan), linear(torch.inf)),
        "type of weights": (linear(), linear(dtype=torch.float64)),
        "buffer": (with_buffer(1.0), with_buffer(2.0)),
        "unprinted setting": (Layer(0.3), Layer(0.5)),
        "dropout": (nn.Dropout(0.1), nn.Dropout(0.2)),
        "kind of layer": (nn.ReLU(), nn.ELU()),
        "unregistered tensor": (Layer(mean=torch.ones(2)), Layer(mean=torch.zeros(2))),
        "unregistered layer": (Layer(layers=[linear()]), Layer(layers=[linear(1.0)])),
        "lambda in a layer": (Layer(f=lambda x: x), Layer(f=lambda x: -x)),
        "settings in a layer": (Layer(c=Plain(a=1)), Layer(c=Plain(a=2))),
        "hook": (hooked(1), hooked(2)),
        "scripted": (torch.jit.script(Layer(0.3)), torch.jit.script(Layer(0.5))),
        "traced": (exported(0.3), exported(0.5)),
        "quantised": (quantised(0.0), quantised(1e-30)),
        "quantised tensor": tuple(torch.quantize_per_tensor(tensor(), 0.1, zero, torch.qint8) for zero in (0, 1)),
        "box": (box(1.0), box(NEAR_ONE)),
        "surrogate": (Transfer(PGD(CrossEntropy()), linear()), Transfer(PGD(CrossEntropy()), linear(1e-9))),
    }
