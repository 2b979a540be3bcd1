"""Deliberately broken rules, the misprints of the papers among them: each is caught by a law."""

from dataclasses import replace

import pytest
import torch

from hauberk.bounds import BackwardLinear, ForwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Adaptive, Parallel
from hauberk.ops.arithmetic import Add
from hauberk.ops.batch_norm import BatchNorm
from hauberk.ops.convolution import Convolution
from hauberk.ops.linear import Linear
from hauberk.ops.relu import ReLU
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.generators import AllGenerators
from hauberk.propagation.row_tables import RowTables
from hauberk.threats import LinfBall
from laws.networks import network
from laws.test_bounds import problem, require_sound
from laws.test_ops import require_affine_facts, require_interval

FAST_LIN = BackwardLinear(slopes=Parallel())


def sound(bounder, *names, dtype=torch.float64, threat=None):
    """The law that bounds lie below sampled and attacked values, on a few networks."""

    def law():
        for name in names or ("dense", "convolutional", "residual"):
            for seed in range(4):
                tolerance = 1e-9 if dtype == torch.float64 else 0.0
                require_sound(bounder, *problem(name, seed, threat, dtype=dtype), tolerance=tolerance)

    return law


def facts(name):
    """The laws of affine operators and of intervals, on the operators of a network."""

    def law():
        frozen = network(name, 1).frozen()
        require_affine_facts(frozen)
        x = torch.rand(3, *frozen.shapes[0], dtype=torch.float64)
        require_interval(frozen, x)

    return law


def same_function():
    """The law that a graph computes what its module computes; capture checks it, too."""
    graph = network("convolutional", 1)
    x = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(graph.frozen()(x), graph.module(x), rtol=0, atol=1e-12)


def changed(function, **fields):
    """Return the relaxation rule with some of its results replaced by functions of them."""

    def rule(*arguments):
        lines = function(*arguments)
        return replace(lines, **{name: change(lines) for name, change in fields.items()})

    return rule


def later_terms_only(self, form, interval, loose):
    """Algorithm 1 as printed: the sum over the relaxations runs over the last layer alone."""
    keys = sorted(form.blocks)
    return GENERATORS_BOX(self, replace(form, blocks={key: form.blocks[key] for key in {0, keys[-1]}}), interval, loose)


def flipped_signs(self, form, interval, loose):
    """AutoDual as printed: the relaxations' terms are added to the lower bound."""
    right = GENERATORS_BOX(self, replace(form, blocks={0: form.blocks[0]}), interval, loose)
    spread = sum(block.abs().sum(1) for key, block in form.blocks.items() if key)
    return interval.intersect(Box(right.lower + spread, right.upper - spread))


GENERATORS_BOX, TRANSPOSE, RELAX, RELAX_PARALLEL = (
    AllGenerators.box,
    Convolution.pull_back,
    ReLU.relax,
    ReLU.relax_parallel,
)
MISPRINTED_SHIFT = property(lambda self: self.broadcast(self.bias - self.mean * torch.rsqrt(self.variance + self.eps)))

BROKEN = {
    "flipped slope": (
        ReLU,
        "relax",
        changed(RELAX, upper_slope=lambda lines: 1 - lines.upper_slope),
        sound(BackwardLinear()),
    ),
    "dropped intercept": (
        ReLU,
        "relax",
        changed(RELAX, upper_intercept=lambda lines: 0 * lines.upper_intercept),
        sound(BackwardLinear()),
    ),
    "dropped intercept of parallel lines": (
        ReLU,
        "relax_parallel",
        changed(RELAX_PARALLEL, upper_intercept=lambda lines: 0 * lines.upper_intercept),
        sound(FAST_LIN),
    ),
    "lower line above the function": (
        ReLU,
        "relax",
        changed(RELAX, lower_intercept=lambda lines: 0.5 * lines.upper_intercept),
        sound(BackwardLinear()),
    ),
    "lines taken for parallel that are not": (
        Adaptive,
        "parallel",
        True,
        sound(BackwardLinear(), threat=LinfBall(0.5)),
    ),
    "algorithm 1 as printed": (AllGenerators, "box", later_terms_only, sound(ForwardLinear(), "residual", "reordered")),
    "AutoDual as printed": (AllGenerators, "box", flipped_signs, sound(ForwardLinear())),
    "batch norm as printed, without gamma": (BatchNorm, "shift", MISPRINTED_SHIFT, same_function),
    "a skip that forgets its factor": (
        Add,
        "pull_back",
        lambda self, rows, shapes: (rows, rows),
        facts("residual"),
    ),
    "a bias that is dropped": (Linear, "homogeneous", True, sound(FAST_LIN)),
    "a transposed convolution that forgets the rim": (
        Convolution,
        "uncovered",
        lambda self, shape: [0, 0],
        facts("two convolutions"),
    ),
    "radii without absolute weights": (Linear, "absolute", Linear.linear, facts("dense")),
    "a norm with the wrong sign": (
        BackwardPass,
        "support",
        lambda self, rows: torch.stack([(rows.flat * 0).sum(1).double()] * 2, 1),
        sound(BackwardLinear()),
    ),
    "windows that see beyond the map": (Rows, "inside", lambda self: self, sound(FAST_LIN, "two convolutions")),
    "no allowance for rounding": (
        RowTables,
        "allowance",
        lambda self, index: 0.0,
        sound(BackwardLinear(Interval()), dtype=torch.float32, threat=LinfBall(0.0)),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_caught(monkeypatch, name):
    owner, attribute, wrong, law = BROKEN[name]
    law()
    monkeypatch.setattr(owner, attribute, wrong)
    with pytest.raises((AssertionError, RuntimeError)):
        law()


def test_capture_refuses_an_operator_that_computes_something_else(monkeypatch):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 4))
    monkeypatch.setattr(Affine, "__call__", lambda self, z: 2 * z, raising=False)
    monkeypatch.setattr(Linear, "__call__", lambda self, z: 2 * (z @ self.weight.T))
    with pytest.raises(Exception, match="differ"):
        capture(module, torch.rand(2, 1, 4, 4))
