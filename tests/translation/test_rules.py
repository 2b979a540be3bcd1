"""Rules with several results, and with recipes inside of recipes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import RULES, Lowered, Stored
from hauberk.ops.arithmetic import Add, ScaleShift
from hauberk.ops.relu import ReLU

aten = torch.ops.aten


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.tensor([[1.0, -2, 3, -4]]))

    def forward(self, x):
        return self.function(self, x)


class Half(Affine):
    roundings = 0
    roundings_back = 1

    def __init__(self, start):
        self.start = start

    def __call__(self, z):
        return z[:, self.start : self.start + 2]

    absolute = __call__


@pytest.fixture
def rules():
    kept = dict(RULES)
    yield RULES
    RULES.clear()
    RULES.update(kept)


def test_a_rule_returns_several_results(rules):
    def halves(z, chunks, dim, *, shape):
        assert shape == [(2,), (2,)]
        return [Lowered(lambda: Half(0), (z,)), Lowered(lambda: Half(2), (z,))]

    rules[aten.chunk.default] = halves
    module = Function(lambda m, x: F.relu(x.chunk(2, 1)[1]) + x.chunk(2, 1)[0])
    x = torch.randn(3, 4)
    graph = capture(module, x)
    assert torch.equal(graph.frozen()(x), module(x))
    assert graph.shapes[0] == (4,)


def test_a_result_may_be_the_operand_itself(rules):
    rules[aten.chunk.default] = lambda z, chunks, dim, *, shape: [z]
    graph = capture(Function(lambda m, x: F.relu(x.chunk(1, 1)[0])), torch.randn(2, 4))
    assert [node.inputs for node in graph.nodes] == [(0,)]


def test_a_recipe_inside_another_becomes_one_node_however_often_it_is_read(rules):
    def twice_the_relu(z, *, shape):
        inner = Lowered(ReLU, (z,), shape=shape)
        doubled = Lowered(ScaleShift.product, (inner,), (Stored(torch.tensor(2.0), ()),), shape=shape)
        return Lowered(lambda: Add(-1.0), (doubled, inner))

    rules[aten.relu.default] = twice_the_relu
    module = Function(lambda m, x: F.relu(x))
    x = torch.randn(5, 4)
    graph = capture(module, x)
    assert [node.inputs for node in graph.nodes] == [(0,), (1,), (2, 1)]
    assert graph.shapes == ((4,),) * 4
    assert torch.equal(graph.frozen()(x), F.relu(x))


def test_a_recipe_inside_another_states_its_shape(rules):
    rules[aten.relu.default] = lambda z, *, shape: Lowered(ReLU, (Lowered(ReLU, (z,)),))
    with pytest.raises(TypeError, match="state the shape"):
        capture(Function(lambda m, x: F.relu(x)), torch.randn(2, 4))
