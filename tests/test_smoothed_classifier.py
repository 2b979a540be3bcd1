"""A network smoothed and certified in two lines."""

import doctest
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import hauberk
from hauberk import smoothed_classifier
from hauberk.concepts.dataset import Split
from hauberk.errors import InputError, ShapeError
from hauberk.evaluation import Evaluator
from hauberk.guarded_classifier import GuardedClassifier
from hauberk.sampling.smoothed_network import Smoothing
from hauberk.smoothed_classifier import SmoothedClassifier, smoothed
from hauberk.smoothing import FixedSample, Gaussian, Sequential, Uniform
from hauberk.threats import L2Ball
from hauberk.verification import ModelCascade

X = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
DISTANCE = {"l2": 0.8 / 2**0.5, "l1": 0.8}


def model():
    network = nn.Linear(2, 2, bias=False)
    network.weight.data = torch.eye(2)
    return network


def test_the_documented_example_runs():
    found = doctest.DocTestFinder().find(smoothed, "smoothed", smoothed_classifier)
    results = [doctest.DocTestRunner().run(example) for example in found]
    assert sum(result.attempted for result in results) > 5
    assert sum(result.failed for result in results) == 0


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_two_lines_smooth_and_certify(norm):
    g = hauberk.smoothed(model(), sigma=0.25, norm=norm)
    answer = g.certify(X)
    assert g.predict(X).tolist() == answer.label.tolist() == [0, 1, -1]
    radius = answer.radius
    assert ((radius[:2] > 0.2) & (radius[:2] < DISTANCE[norm])).all()
    assert radius[2] == 0
    assert answer.confidence == 0.999


def test_the_noise_has_the_standard_deviation_asked_for_in_either_norm():
    gaussian, uniform = smoothed(model(), 0.25).by.noise, smoothed(model(), 0.25, "l1").by.noise
    assert (gaussian, uniform) == (Gaussian(0.25), Uniform(0.25 * 3**0.5))
    drawn = uniform.rows(torch.zeros(1, 1), torch.zeros(50_000, dtype=torch.int64), torch.arange(50_000))
    assert drawn.std().item() == pytest.approx(0.25, rel=0.02)
    assert smoothed(model(), 1).predict(10 * X).tolist() == [0, 1, -1]


@pytest.mark.usefixtures("unchecked")
def test_fractions_and_numpy_numbers_are_numbers():
    for sigma in (Fraction(1, 4), np.float32(0.25)):
        assert smoothed(model(), sigma).by.noise == Gaussian(0.25)


def test_options_reach_the_smoothed_network():
    network = model()
    found = smoothed(network, 0.5, samples=77, alpha=0.01, seed=5)
    assert found == SmoothedClassifier(network, Smoothing(Gaussian(0.5), 77, 0.01, 5))
    assert found.certify(X[:1]).confidence == 0.99
    hits = [smoothed(network, 0.5, seed=seed).certify(X[:2]).hits.tolist() for seed in (0, 6)]
    assert hits[0] != hits[1]


def test_the_procedure_is_the_users_choice():
    g = smoothed(model(), 0.25)
    fixed = g.certify(X, FixedSample(samples=500, alpha=0.05))
    assert fixed.samples.tolist() == [500] * 3
    assert fixed.confidence == 0.95
    by = Sequential(alpha=0.001)
    assert torch.equal(g.certify(X[:2]).radius, by.answer(g, X[:2]).radius)
    both = g.certify(X[:1], top=2)
    assert both.classes.tolist() == [[0, 1]]
    assert both.label.tolist() == [-1]
    assert both.radius[0] > 0.9  # all classes together are certain
    with pytest.raises(InputError, match="from 1 to 2, but is 3"):
        g.certify(X, top=3)


def test_the_model_is_neither_changed_nor_left_in_another_mode():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), model()).train()
    before = [t.clone() for t in network.state_dict().values()]
    g = smoothed(network, 0.25)
    assert torch.equal(g.predict(X), g.predict(X))
    g.certify(X[:2])
    assert [part.training for part in network.modules()] == [True] * 4
    assert all(map(torch.equal, network.state_dict().values(), before))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_what_is_not_finite_abstains():
    g = smoothed(model(), 0.25)
    x = torch.tensor([[math.nan, 0.0], [math.inf, 0.0], [0.0, 1.0]])
    assert g.predict(x).tolist() == [-1, -1, 1]
    answer = g.certify(x)
    assert answer.label.tolist() == [-1, -1, 1]
    assert (answer.radius > 0).tolist() == [False, False, True]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(2, 3, dtype=torch.uint8), ShapeError, "uint8"),
        (torch.zeros(3), ShapeError, r"\(3,\)"),
        (torch.tensor(0.5), ShapeError, r"\(\)"),
        ([[0.9, 0.1], [0.5]], ShapeError, "are a list"),
        (torch.zeros(0, 2), InputError, "inputs and samples"),
    ],
)
def test_inputs_that_are_no_batch_are_refused(x, error, message):
    g = smoothed(model(), 0.25)
    for ask in (g.predict, g.certify):
        with pytest.raises(error, match=message):
            ask(x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0.0}, "sigma to be.*0.0"),
        ({"sigma": -1.0, "norm": "l1"}, "reach to be.*-1.7"),
        ({"sigma": math.nan}, "nan"),
        ({"norm": "linf"}, "'linf'"),
        ({"norm": "L2"}, "'L2'"),
        ({"samples": 0}, "0"),
        ({"alpha": 1.5}, "1.5"),
        ({"seed": 2**64}, str(2**64)),
        ({"seed": 0.5}, "seed to be an integer"),
        ({"sigma": "8/255"}, "sigma is a number, but is '8/255'"),
        ({"sigma": None}, "sigma is a number, but is None"),
        ({"sigma": torch.tensor(0.25)}, "sigma is a number"),
        ({"sigma": True}, "sigma is a number"),
        ({"sigma": 1e39}, "sigma > 0, a number of float32"),
        ({"norm": ["l2"]}, "norm is"),
        ({"samples": 1e3}, "samples to be a positive integer, but it is 1000.0"),
        ({"alpha": "small"}, "alpha to be a number"),
        ({"model": lambda x: x}, "model is a torch module.*function"),
        ({"model": "resnet"}, "model is a torch module.*str"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_is_refused_by_value(arguments, message):
    with pytest.raises(InputError, match=message):
        smoothed(**{"model": model(), "sigma": 0.25} | arguments)


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_procedure_and_no_number_of_classes_is_refused():
    g = smoothed(model(), 0.25)
    for by in (FixedSample, "fixed", 1000):
        with pytest.raises(InputError, match="`by` is a procedure"):
            g.certify(X, by)
    with pytest.raises(InputError, match=r"from 1 to 2, but is 1\.5"):
        g.certify(X, top=1.5)
    with pytest.raises(InputError, match="from 1 to 2, but is True"):
        g.certify(X, top=True)
    for radii, message in (
        (0.25, "radii is a list, but is 0.25"),
        ({0.25}, "radii is a list"),
        (["far"], r"radii\[0\] to be a number"),
    ):
        with pytest.raises(InputError, match=message):
            Sequential(radii=radii)


def test_it_is_guarded_and_put_into_cascades_as_it_is():
    g, threat = smoothed(model(), 0.25), L2Ball(0.2, within=None)
    guard = GuardedClassifier(g, threat, Sequential(radii=(0.2,)), X)
    assert guard.kind == "guarded smoothed network"
    assert guard(X).flagged.tolist() == [False, False, True]
    assert ModelCascade([g, g], threat, FixedSample(samples=500)).predict(X).tolist() == [0, 1, -1]


def test_the_package_names_what_is_public_and_imports_it_when_asked():
    assert dir(hauberk) == ["__version__", "attack", "audit", "bound", "certify", "smoothed"]
    assert hauberk.smoothed is smoothed
    with pytest.raises(AttributeError, match="no attribute 'smothered'"):
        _ = hauberk.smothered
    space: dict[str, object] = {}
    exec("from hauberk import *", space)
    assert space["smoothed"] is smoothed
    assert set(hauberk.__all__) == {"__version__", *hauberk.PUBLIC}


def test_an_evaluation_says_where_smoothing_belongs(tmp_path, unchecked):
    data = Split(X, torch.tensor([0, 1, 0]))
    with pytest.raises(InputError, match=r"judges a torch module, not a SmoothedClassifier.*Evaluator\(smoothing"):
        Evaluator({}, []).evaluate(smoothed(model(), 0.25), data, L2Ball(0.1), tmp_path)
    with pytest.raises(InputError, match="smoothing is None or a Smoothing"):
        Evaluator({}, [], smoothing=Gaussian(0.25))
    with pytest.raises(InputError, match="two verifiers of one name"):
        Evaluator({}, [FixedSample(), FixedSample(samples=10)])
