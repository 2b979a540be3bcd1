"""Networks in other clothes: compiled, exported, traced, wrapped, with hooks; odd outputs and odd passes."""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).eval()


class Around(nn.Module):
    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *arguments: Tensor, **keywords: Tensor) -> Tensor:
        return self.module(*arguments, **keywords)


class Passing(nn.Module):
    """A network whose pass is a function of its layers and its input."""

    def __init__(self, function: Callable[["Passing", Tensor], Tensor]):
        super().__init__()
        self.function, self.first, self.last = function, nn.Linear(6, 6), nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros(()))
        self.kept: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient


def counting(m: Passing, x: Tensor) -> Tensor:
    m.calls.add_(1)
    return m.last(F.relu(m.first(x)))


def keeping(m: Passing, x: Tensor) -> Tensor:
    m.kept = [F.relu(m.first(x))]
    return m.last(m.kept[0])


def failing(error: Exception) -> Callable[[Passing, Tensor], Tensor]:
    def run(m: Passing, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            raise error
        return m.last(F.relu(m.first(x)))

    return run


def autocast(m: Passing, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = m.last(F.relu(m.first(x)))
    return found.float()


def hooked(kind: str) -> nn.Module:
    network = plain()
    if kind == "before":
        network.register_forward_pre_hook(lambda module, given: (given[0] * 2,))
    else:
        network[0].register_forward_hook(lambda module, given, found: found * 2)
    return network


def compiled_inside() -> nn.Module:
    return nn.Sequential(torch.compile(nn.Linear(6, 6), backend="eager"), nn.ReLU(), nn.Linear(6, 3))


def exported(shapes: object) -> nn.Module:
    return torch.export.export(plain(), (torch.rand(2, 6),), dynamic_shapes=shapes).module()  # pyright: ignore


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(plain(), {nn.Linear})


def lazy() -> nn.Module:
    network = nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(3))
    network(torch.rand(2, 6))
    return network


def made(build: Callable[[], nn.Module]) -> Callable[[], tuple[nn.Module, Tensor]]:
    return lambda: (build(), torch.rand(2, 6))


def by(function: Callable[[Passing, Tensor], Tensor]) -> Callable[[], tuple[nn.Module, Tensor]]:
    return lambda: (Passing(function).eval(), torch.rand(2, 6))


NETWORKS = {
    "compiled": made(lambda: torch.compile(plain(), backend="eager")),  # pyright: ignore
    "compiled inside": made(compiled_inside),
    "DataParallel": made(lambda: nn.DataParallel(plain())),
    "DataParallel, compiled": made(lambda: torch.compile(nn.DataParallel(plain()), backend="eager")),  # pyright: ignore
    "any arguments passed on": made(lambda: Around(plain())),
    "averaged": made(lambda: AveragedModel(plain())),
    "exported": made(lambda: exported(({0: torch.export.Dim.DYNAMIC},))),
    "exported inside": made(lambda: nn.Sequential(exported(({0: torch.export.Dim.DYNAMIC},)), nn.Linear(3, 3))),
    "exported for one batch size": made(lambda: exported(None)),
    "scripted": made(lambda: torch.jit.script(plain())),  # pyright: ignore
    "traced": made(lambda: torch.jit.trace(plain(), torch.rand(2, 6))),  # pyright: ignore
    "traced inside": made(lambda: nn.Sequential(torch.jit.trace(plain(), torch.rand(2, 6)), nn.Linear(3, 3))),  # pyright: ignore
    "symbolically traced": made(lambda: torch.fx.symbolic_trace(plain())),
    "quantised": made(quantised),
    "lazy": made(lazy),
    "a hook before": made(lambda: hooked("before")),
    "a hook after": made(lambda: hooked("after")),
    "a straight-through step": by(lambda m, x: m.last(Step.apply(m.first(x)))),  # pyright: ignore
    "a pass that counts its calls": by(counting),
    "a pass that keeps activations": by(keeping),
    "under autocast": by(autocast),
    "through numpy": by(lambda m, x: m.last(torch.from_numpy(x.detach().numpy() * 2))),
    "a functional call": by(
        lambda m, x: torch.func.functional_call(m.last, {n: p * 2 for n, p in m.last.named_parameters()}, (x,))
    ),
    "vmap": by(lambda m, x: torch.vmap(m.last)(x)),
    "a loop over the batch": by(lambda m, x: torch.stack([m.last(one) for one in x])),
    "the length of the batch": by(lambda m, x: m.last(x + torch.zeros(len(x), 6))),
    "control flow": by(lambda m, x: m.last(x) if x.sum() > 0 else m.last(-x)),
    "an AttributeError while exporting": by(failing(AttributeError("no such field"))),
    "an AssertionError while exporting": by(failing(AssertionError())),
    "a KeyError while exporting": by(failing(KeyError("weight"))),
    "a RecursionError while exporting": by(failing(RecursionError())),
}
