"""Constants: live, computed once, in the order of the program."""

import pytest
import torch
import torch.nn.functional as F
from packaging.version import Version
from torch import nn
from torch.nn.utils import parametrizations

from hauberk.capture import capture
from hauberk.concepts.lowering import Computed, Constants, Stored
from hauberk.errors import UnsupportedOpError


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.w = nn.Parameter(torch.tensor([[1.0, -2.0], [3.0, 4.0]]))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        return self.function(self, x)


X = torch.tensor([[1.0, 2.0], [-3.0, 0.5], [0.25, 4.0]])


def require_live(module):
    """The graph computes what the module computes, also after its parameters have changed."""
    module.eval()
    graph = capture(module, X[:1])
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * parameter.sign() + torch.linspace(0, 1, parameter.numel()).view_as(parameter))
        torch.testing.assert_close(graph.frozen()(X), module(X), rtol=1e-5, atol=1e-5)
    return graph


def test_shared_constants_are_computed_once_and_in_order():
    calls = []

    def double(one):
        calls.append("double")
        return one * 2

    first = Computed(double, (Stored("w", (2,)),))
    second = Computed(torch.add, (Stored(first, (2,)), Stored(first, (2,))), {"alpha": 3})
    constants = Constants({"w": torch.tensor([1.0, 2.0])}, torch.device("cpu"))
    constants.compute([second, first, second])
    assert calls == ["double"]
    assert constants.tensor(second).tolist() == [8.0, 16.0]


def test_gradients_reach_the_parameters_of_constants():
    module = Net(lambda m, x: F.linear(x, F.softplus(m.w)))
    capture(module, X).run(X)[0].sum().backward()
    expected = torch.autograd.functional.jacobian(lambda w: F.linear(X, F.softplus(w)).sum(), module.w.detach())
    torch.testing.assert_close(module.w.grad, expected)


def test_constants_in_place_follow_the_order_of_the_program():
    def overwritten(m, x):
        mask = torch.ones(2, 2)
        before = mask.sum()
        row = mask[0]
        row.mul_(3)
        mask[1, 1] = 0
        return x @ (m.w * mask) * before + row

    require_live(Net(overwritten))


def test_a_constant_overwritten_after_it_was_read_is_refused():
    def late(m, x):
        mask = torch.ones(2)
        y = x * mask
        mask[0] = 0
        return y * mask

    with pytest.raises(UnsupportedOpError, match="overwrites"):
        capture(Net(late), X)


def test_a_buffer_that_a_pass_overwrites_is_refused_only_where_it_is_read():
    def counting(m, x):
        m.seen.add_(1)
        return x @ m.w

    require_live(Net(counting))
    with pytest.raises(UnsupportedOpError, match="overwrites"):
        capture(Net(lambda m, x: counting(m, x) * m.seen), X)


def test_constants_of_the_batch_are_compared_at_other_parameters_than_the_present_ones():
    module = Net(lambda m, x: x + m.w[:1].expand(x.shape[0], -1).cumsum(0))
    with torch.no_grad():
        module.w.zero_()  # every example's constant is zero now
    with pytest.raises(UnsupportedOpError, match="not the same for every example"):
        capture(module, X)


def test_the_graph_follows_the_module_to_another_precision():
    module = Net(lambda m, x: x @ m.w.softmax(1) + torch.arange(2)).eval()
    graph = capture(module, X)
    module.double()
    torch.testing.assert_close(graph.frozen()(X.double()), module(X.double()), rtol=0, atol=1e-12)


OLDER = pytest.mark.skipif(
    Version(torch.__version__) < Version("2.13"), reason="an older torch may not export attributes that a hook assigns"
)


@pytest.mark.parametrize(
    "norm", [parametrizations.spectral_norm, pytest.param(nn.utils.spectral_norm, marks=OLDER)], ids=["new", "old"]
)
def test_spectral_norms_take_a_power_iteration_in_every_training_pass(norm):
    torch.manual_seed(0)
    module = norm(nn.Linear(2, 2, bias=False)).train()
    twin = norm(nn.Linear(2, 2, bias=False)).train()
    twin.load_state_dict(module.state_dict())
    graph = capture(module, X)
    for _ in range(3):
        torch.testing.assert_close(graph.run(X)[0], twin(X))
    torch.testing.assert_close(module.state_dict(), twin.state_dict())
