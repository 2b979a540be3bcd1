import numpy as np
import pytest
import torch
from torch import nn

import hauberk
from hauberk.attacks import FGSM
from hauberk.bounds import Interval
from hauberk.concepts.certificate import Verdict
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy
from hauberk.threats import Flow, LinfBall
from hauberk.verification import ByBound


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Dropout(), nn.Linear(16, 3))


@pytest.fixture
def x():
    torch.manual_seed(1)
    return torch.rand(10, 3, 2, 2)


@pytest.fixture
def y(model, x):
    return model.eval()(x).argmax(1)


def test_a_stranger_attacks_in_one_line(x):
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    y = model(x).argmax(1)
    adversarial = hauberk.attack(model, x, y, eps="128/255")
    assert adversarial.shape == x.shape
    assert adversarial.dtype == x.dtype
    assert (adversarial - x).abs().max() <= 128 / 255 + 1e-6
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    assert (model(adversarial).argmax(1) != y).any()


def test_the_model_is_left_as_it_was(model, x, y):
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.random.get_rng_state()
    hauberk.attack(model, x, y, 0.1, by="pgd")
    hauberk.bound(model, x, 0.1)
    hauberk.certify(model, x, y, 0.1, minutes=0.1)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_arrays_are_accepted_and_seeds_repeat(model, x, y):
    first, second = (hauberk.attack(model, x.numpy(), y.numpy(), 0.1, "l2", by="fgsm", seed=3) for _ in range(2))
    assert torch.equal(first, second)


def test_an_attack_of_ones_own_and_a_threat_of_another_kind(model, x, y):
    found = hauberk.attack(model, x, y, threat=LinfBall(0.1), by=FGSM(CrossEntropy()))
    assert torch.equal((found - x).abs() <= 0.1 + 1e-6, torch.ones_like(x, dtype=torch.bool))
    flowed = hauberk.attack(model, x, y, threat=Flow(0.5), by="stadv")
    assert flowed.shape == x.shape  # an image, not a flow
    with pytest.raises(UnsupportedSetError, match="ensemble of attacks"):
        hauberk.attack(model, x, y, threat=Flow(0.5))


@pytest.mark.parametrize("by", ["interval", "crown-ibp", "crown", "fast-lin", "dual", "alpha-crown", Interval()])
def test_bounds_hold_at_sampled_points(model, x, by):
    model.eval()
    lower, upper = hauberk.bound(model, x, 0.1, by=by)
    for _ in range(50):
        z = (x + 0.1 * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
        logits = model(z)
        assert (lower <= logits).all()
        assert (logits <= upper).all()


def test_rows_bound_differences_of_logits(model, x):
    rows = torch.tensor([[1.0, -1.0, 0.0]])
    lower, upper = hauberk.bound(model, x, 0.05, rows=rows)
    logits = model.eval()(x)
    assert lower.shape == (10, 1)
    assert (lower[:, 0] <= logits[:, 0] - logits[:, 1]).all()
    assert (logits[:, 0] - logits[:, 1] <= upper[:, 0]).all()
    own = hauberk.bound(model, x, 0.05, rows=rows.expand(10, 1, 3))
    torch.testing.assert_close(own.lower, lower)


def test_certificates_say_what_is_proven(model, x, y):
    found = hauberk.certify(model, x, y, eps=0.01)
    assert found.verified.all()
    assert (found.margin > 0).all()
    wrong = hauberk.certify(model, x, (y + 1) % 3, eps=0.01)
    assert not wrong.verified.any()
    named, made = (hauberk.certify(model, x, y, 0.01, by=by) for by in ("interval", ByBound(Interval())))
    torch.testing.assert_close(named.lower, made.lower)


def test_the_largest_radius_is_proven_and_not_exceeded_by_attacks(model, x, y):
    radius = hauberk.certify(model, x, y, eps=0.5, largest=True).radius
    assert (radius > 0).all()
    assert (hauberk.certify(model, x, y, eps=radius * 0.999, by="crown").verdict == Verdict.VERIFIED).all()
    adversarial = hauberk.attack(model, x, y, eps=radius, by="pgd")
    assert torch.equal(model.eval()(adversarial).argmax(1), y)


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda m, x, y: hauberk.attack(m, x, y), InputError, "how large"),
        (lambda m, x, y: hauberk.attack(m.forward, x, y, 0.1), InputError, "torch module"),
        (lambda m, x, y: hauberk.attack(m, x * 255, y, 0.1), InputError, "reach from"),
        (lambda m, x, y: hauberk.attack(m, (x * 255).byte(), y, 0.1), ShapeError, "/ 255"),
        (lambda m, x, y: hauberk.attack(m, x, y[:3], 0.1), ShapeError, "10 integers"),
        (lambda m, x, y: hauberk.attack(m, x, y + 3, 0.1), InputError, "0..2"),
        (lambda m, x, y: hauberk.attack(m, x.double(), y, 0.1), InputError, "float64"),
        (lambda m, x, y: hauberk.attack(m, x, y, 0.1, by="pdg"), InputError, "by is one of"),
        (lambda m, x, y: hauberk.bound(m, x, 0.1, by="autoattack"), InputError, "by is one of interval"),
        (lambda m, x, y: hauberk.bound(m, x, 0.1, rows=np.ones((2, 5))), ShapeError, "rows"),
        (lambda m, x, y: hauberk.bound(m, x, 0.1, rows=torch.ones(3)), ShapeError, "rows"),
        (lambda m, x, y: hauberk.certify(m, x, y + 3, 0.1), InputError, "0..2"),
        (lambda m, x, y: hauberk.bound(m, x[:0], 0.1), ShapeError, "no input"),
        (lambda m, x, y: hauberk.certify(m, x[:0], y[:0], 0.1), ShapeError, "no input"),
        (lambda m, x, y: hauberk.attack(m, x, y, 0.1, seed=1.5), InputError, "seed"),
        (lambda m, x, y: hauberk.attack(m, x, y, 0.1, seed=2**70), InputError, "seed"),
        (lambda m, x, y: hauberk.attack(m, x, y, 0.1, seed=None), InputError, "seed"),
        (lambda m, x, y: hauberk.attack(m, x[:, :2], y, 0.1), InputError, "fails on inputs"),
        (lambda m, x, y: hauberk.attack(m, x, y[:, None], 0.1), ShapeError, "squeeze"),
        (lambda m, x, y: hauberk.attack(m, x, y, threat="linf"), InputError, "threat is an object"),
        (lambda m, x, y: hauberk.certify(m, x, y, 0.1, minutes=0), InputError, "minutes"),
        (lambda m, x, y: hauberk.certify(m, x, y, 0.1, by=ByBound(Interval()), largest=True), InputError, "by is one"),
        (lambda m, x, y: hauberk.bound(nn.Sequential(m, nn.Softsign(), Sorted()), x, 0.1), UnsupportedOpError, "sort"),
    ],
)
def test_mistakes_are_named(unchecked, model, x, y, call, kind, said):
    with pytest.raises(kind, match=said):
        call(model, x, y)


def test_networks_that_draw_random_numbers_repeat_by_the_seed_and_leave_torchs_state(x, y, model):
    class Random(nn.Module):
        def forward(self, x):
            return model(nn.functional.dropout(x, 0.5, True))

    state = torch.random.get_rng_state()
    first, second = (hauberk.attack(Random(), x, y, 0.1, by="fgsm") for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("eps", [[0.1] * 10, np.full(10, 0.1), torch.full((10,), 0.1)])
def test_a_radius_for_each_input_may_be_a_list_or_an_array(model, x, eps):
    each, one = hauberk.bound(model, x, eps), hauberk.bound(model, x, 0.1)
    torch.testing.assert_close(each.lower, one.lower)


class Sorted(nn.Module):
    def forward(self, x):
        return x.sort(1).values
