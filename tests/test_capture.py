"""Networks as graphs: equal to the module, live, and refused with every reason at once where they cannot be bounded."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.architectures import CNN7, Large, PreActResNet18, ResidualNet, Small
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import CaptureError, HauberkError, InputError, UnsupportedOpError
from hauberk.threats import LinfBall
from unbounded import Sinc

DTYPE = torch.float64


class Net(nn.Module):
    """Two linear layers and a function of them."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 3)
        self.register_buffer("counts", torch.tensor([3, 1, 2, 0, 1, 2]))
        self.double()

    def forward(self, x):
        return self.function(self, x)


def inputs(examples=2):
    return torch.randn(examples, 6, dtype=DTYPE, generator=torch.Generator().manual_seed(0))


def require_equal_and_bounded(module, x):
    """The graph computes what the module computes, for batches of any size, and its bounds hold at samples."""
    module.eval()
    graph = capture(module, x)
    frozen, classes = graph.frozen(), module(x).shape[1]
    for batch in (x[:1], x, torch.cat([x, 0.5 * x, -x])):
        torch.testing.assert_close(frozen(batch), module(batch), rtol=1e-5, atol=1e-5 if x.dtype != DTYPE else 1e-12)
        y = torch.arange(len(batch)) % classes
        spec, S = LinearSpec.margins(y, classes, x.dtype), LinfBall(0.05, None).at(batch)
        for bounder in (Interval(), BackwardLinear(Interval())):
            lower = bounder(frozen, S, spec).lower
            for step in (-0.05, 0.0, 0.05):
                assert (spec.value(module(batch + step)) >= lower - 1e-9).all()


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        (Small, (1, 8, 8)),
        (Large, (1, 4, 4)),
        (ResidualNet, (1, 4, 4)),
        (CNN7, (1, 4, 4)),
        (PreActResNet18, (3, 32, 32)),
    ],
)
def test_the_papers_networks_are_captured(architecture, shape):
    module = architecture(shape, 10).eval()
    x = torch.rand(2, *shape)
    graph = capture(module, x)
    with torch.no_grad():
        scale = module(x).abs().max().item()
        torch.testing.assert_close(graph.frozen()(x[:1]), module(x[:1]), rtol=0, atol=1e-5 * max(scale, 1))
    assert graph.classes == 10
    assert graph.shapes[0] == shape


def test_parameters_are_live():
    module = Net(lambda m, x: m.last(F.relu(m.first(x)))).eval()
    graph, x = capture(module, inputs()), inputs()
    before = graph.frozen()(x)
    with torch.no_grad():
        module.first.weight.mul_(-2)
    module.last.weight = nn.Parameter(module.last.weight.detach() + 1)
    assert not torch.allclose(graph.frozen()(x), before)
    torch.testing.assert_close(graph.frozen()(x), module(x), rtol=0, atol=1e-12)
    graph.frozen()(x).sum().backward()
    assert module.first.weight.grad is not None


def test_the_graph_follows_the_module_to_another_precision():
    module = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    graph = capture(module, inputs().float())
    module.double()
    torch.testing.assert_close(graph.frozen()(inputs()), module(inputs()), rtol=0, atol=1e-12)


def test_constants_follow_the_module_to_another_precision():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x):
            return self.layer((x - 0.3) / 0.7)

    module = Scaled().eval()
    graph = capture(module, inputs().float())
    module.double()
    torch.testing.assert_close(graph.frozen()(inputs()), module(inputs()), rtol=0, atol=1e-12)


def test_one_example_is_enough():
    module = Net(lambda m, x: m.last(F.relu(m.first(x)))).eval()
    graph = capture(module, inputs(1))
    for size in (1, 2, 7):
        torch.testing.assert_close(graph.frozen()(inputs(size)), module(inputs(size)), rtol=0, atol=1e-12)


def test_a_network_that_depends_on_more_than_its_input_is_no_unsupported_one():
    calls = itertools.count(1)
    module = Net(lambda m, x: m.last(F.relu(m.first(x)) * next(calls))).eval()
    with pytest.raises(CaptureError, match=r"differ by \d.*evaluate it by attacks alone"):
        capture(module, inputs())


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_every_parts_mode_is_restored(mode, fails):
    module = nn.Sequential(nn.Linear(6, 6), Sinc() if fails else nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 3))
    module.train(mode)
    module[2].train(not mode)
    modes = [part.training for part in module.modules()]
    try:
        capture(module, inputs().float())
        assert not fails
    except UnsupportedOpError:
        assert fails
    assert [part.training for part in module.modules()] == modes


def test_capture_leaves_parameters_statistics_gradients_and_random_state_alone():
    module = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3)).train()
    before, state = {k: v.clone() for k, v in module.state_dict().items()}, torch.random.get_rng_state()
    capture(module, inputs().float())
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def after(function):
    """Overwrite y = first(x) as the function does, then read y again."""

    def run(m, x):
        y = m.first(x)
        z = function(m, y)
        return m.last(y) + m.last(z)

    return run


ACCEPTED = {
    "in-place relu": lambda m, x: m.last(F.relu_(m.first(x))),
    "in-place relu of a view": lambda m, x: m.last(m.first(x).view(-1, 2, 3).relu_().flatten(1)),
    "in-place addition": lambda m, x: m.last(m.first(x).add_(1.5).mul_(2)),
    "a layer used twice": lambda m, x: m.last(F.relu(m.first(F.relu(m.first(x))))),
    "an unused result": lambda m, x: (m.last(m.first(x)), m.last(F.relu(m.first(x))))[1],
    "the logits are not computed last": lambda m, x: [m.last(F.relu(m.first(x))), F.relu(m.first(x))][0],
    "a buffer of integers": lambda m, x: m.last(F.relu(m.first(x) * m.counts - m.counts)),
    "the batch size": lambda m, x: m.last(m.first(x).view(x.size(0), 2, 3).reshape(x.shape[0], -1)),
    "a tensor made on the spot": lambda m, x: m.last(x + torch.tensor([1.0, 2, 3, 4, 5, 6], dtype=x.dtype)),
    "a value read after it was overwritten": after(lambda m, y: y.relu_()),
    "a cast to its own type": lambda m, x: m.last(F.relu(m.first(x)).to(DTYPE)),
    "the input among the logits": lambda m, x: m.last(x) + m.last(F.relu(x)),
}


@pytest.mark.parametrize("function", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted_is_computed_and_bounded(function):
    try:
        require_equal_and_bounded(Net(function), inputs())
    except UnsupportedOpError:
        pytest.skip("refused, which is sound")


def test_tied_weights_are_captured():
    module = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    module[2].weight = module[0].weight
    require_equal_and_bounded(module, inputs())


def test_a_shared_layer_is_captured():
    shared = nn.Linear(6, 6)
    require_equal_and_bounded(nn.Sequential(shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(6, 3)).double(), inputs())


REFUSED = {
    "an overwritten input": lambda m, x: m.last(x.relu_()),
    "an overwritten view of the input": lambda m, x: m.last(x.view(-1, 6).mul_(2)),
    "a value read after its view was overwritten": after(lambda m, y: y.view(-1, 6).relu_()),
    "a value read after its detached twin was overwritten": after(lambda m, y: y.detach().relu_()),
    "a value read after idle dropout was overwritten": after(lambda m, y: F.dropout(y, 0.3, False).relu_()),
    "a value read after its slice was overwritten": after(lambda m, y: y[:, :].relu_()),
    "a value of which a part was overwritten": after(lambda m, y: y[:, 0].zero_()[:, None] + y),
    "a value of which a chunk was overwritten": after(lambda m, y: y.chunk(2, 1)[0].relu_().repeat(1, 2)),
    "control flow that depends on the data": lambda m, x: m.last(x) if x.sum() > 0 else m.last(-x),
    "a loop that depends on the data": lambda m, x: m.last(x * int(x.abs().sum().item())),
    "random numbers": lambda m, x: m.last(x + torch.randn_like(x)),
    "random numbers in place": lambda m, x: m.last(x + torch.zeros_like(x).normal_()),
    "uniform random numbers in place": lambda m, x: m.last(x + torch.zeros_like(x).uniform_()),
    "active dropout": lambda m, x: m.last(F.dropout(x, 0.5, True)),
    "several results": lambda m, x: (m.last(x), m.first(x)),
    "a dictionary": lambda m, x: {"logits": m.last(x)},
    "a result that is no batch of logits": lambda m, x: m.last(x)[:, :, None],
    "arithmetic with the batch size": lambda m, x: m.last(x) / x.shape[0],
    "one number per example": lambda m, x: torch.stack([m.first(x).sum(1), x.sum(1)], 1),
    "one number per example on the way": lambda m, x: m.last(x) + x[:, 0].unsqueeze(1),
    "the mean of the batch": lambda m, x: m.last(x - x.mean(0)),
    "a reshape that mixes examples and features": lambda m, x: m.last(F.relu(m.first(x).view(-1, 3)).view(-1, 6)),
    "a batch merged with a dimension": lambda m, x: m.last(F.relu(m.first(x).view(-1, 2, 3).flatten(0, 1)).view(-1, 6)),
    "a dimension before the batch": lambda m, x: m.last(F.relu(m.first(x).unsqueeze(0)).squeeze(0)),
    "a batch that is not first": lambda m, x: m.last(F.relu(m.first(x).t()).t()),
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_bounded_is_refused_with_a_typed_error(unchecked, function):
    with pytest.raises(UnsupportedOpError) as refusal:
        capture(Net(function), inputs())
    assert len(str(refusal.value)) > 20


def test_an_overwritten_value_is_refused_even_where_the_example_does_not_show_it():
    module = Net(after(lambda m, y: F.dropout(y, 0.3, False).relu_()))
    with torch.no_grad():
        module.first.bias.fill_(100.0)
    with pytest.raises(HauberkError):
        capture(module, inputs())


def test_all_unsupported_operators_are_named_at_once_with_their_places():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.act = nn.Linear(6, 6), Sinc()

        def forward(self, x):
            return self.act(self.layer(x)).lgamma()

    module = nn.Sequential(Block(), nn.ReLU(), Sinc(), nn.Linear(6, 3))
    with pytest.raises(UnsupportedOpError) as refusal:
        capture(module, inputs().float())
    message = str(refusal.value)
    for operator, place in (("sinc", "0.act"), ("lgamma", "0"), ("sinc", "2")):
        assert any(operator in line and f"at {place}" in line for line in message.splitlines()), message
    assert "relu" in message.split("Bounded are:")[1]


def test_batch_norm_without_running_statistics_is_refused():
    module = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3))
    with pytest.raises(UnsupportedOpError, match="track_running_stats"):
        capture(module, inputs().float())


def test_batch_norm_with_cumulative_averages_is_captured_but_not_trained():
    module = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6, momentum=None), nn.Linear(6, 3)).double()
    graph = capture(module, inputs())
    module.train()
    with pytest.raises(UnsupportedOpError, match="momentum"):
        graph.run(inputs(5))


def test_even_kernels_with_same_padding_are_captured():
    x = torch.rand(2, 1, 4, 4)
    module = nn.Sequential(nn.Conv2d(1, 2, 2, padding="same"), nn.Flatten(), nn.Linear(32, 3))
    torch.testing.assert_close(capture(module, x).frozen()(x), module(x))


def test_dropout_is_the_identity_in_eval_and_refused_in_training():
    module = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 3)).double().eval()
    graph, x = capture(module, inputs()), inputs()
    torch.testing.assert_close(graph.run(x)[0], module(x), rtol=0, atol=1e-12)
    module.train()
    with pytest.raises(UnsupportedOpError, match="dropout"):
        graph.run(x)


def test_dropout_that_drops_nothing_is_trained():
    module = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.0), nn.Linear(6, 3)).double().train()
    x = inputs()
    torch.testing.assert_close(capture(module, x).run(x)[0], module(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (inputs(), "float64, but the network's weights of type torch.float32"),
        (inputs().half(), "float16, but the network's weights"),
        (inputs().byte(), "batch .* of floating-point numbers"),
        (inputs().float()[:, :5], "fails on inputs of shape"),
        (None, "inputs are one tensor"),
        ("a", "inputs are one tensor"),
    ],
    ids=["float64", "half", "bytes", "another size", "none", "text"],
)
def test_examples_that_do_not_fit_the_network_are_refused(example, message, unchecked):
    with pytest.raises(InputError, match=message):
        capture(nn.Linear(6, 3), example)


def test_examples_may_be_arrays(unchecked):
    assert capture(nn.Linear(6, 3), inputs().float().numpy()).shapes == ((6,), (3,))
