"""Evaluations by several attacks: records, refusals, curves, and what must stay as it was."""

import json
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import polars as pl
import pytest
import torch
from torch import nn

from digits import digits
from hauberk.attacks import FGSM, PGD, Strongest
from hauberk.bounds import Interval
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import HauberkError, InputError, PartWarning, ShapeError, UnsupportedSetError
from hauberk.evaluation import Curve, Evaluator
from hauberk.evaluation.records import read_records
from hauberk.losses import DLR, CrossEntropy, Margin
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import L2Ball, LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.training import Trainer
from hauberk.verification import ByBound

THREAT = LinfBall(0.06)
FAST = {"illustrated": 0, "shard": 40}


@dataclass(frozen=True)
class Ray(MinimumDistanceAttack):
    """Walks along the sign of the gradient until the answer is wrong, through the set and out of it."""

    step: float = 0.01

    def __call__(self, network, S, y, *, noise, enough=False):
        start = S.start.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(Margin()(network(start), y).sum(), start)
        answer = S.start.clone()
        missing = torch.ones_like(y, dtype=torch.bool)
        for number in range(1, 30):
            z = (S.start + number * self.step * gradient.sign()).clamp(0, 1)
            hit = missing & (network(z).argmax(1) != y)
            answer[hit], missing = z[hit], missing & ~hit
        return answer.detach()


@dataclass(frozen=True)
class Refusing(Attack):
    """Applies to nothing."""

    error: type[HauberkError] = UnsupportedSetError

    def __call__(self, network, S, y, *, noise):
        raise self.error("not for this set")


ATTACKS = {"FGSM": FGSM(CrossEntropy()), "PGD": PGD(Margin(), 5, 0.4), "ray": Ray()}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    method = Trainer(Natural(CrossEntropy()), epochs=3, learning_rate=Constant(5e-3), batch=50, held_out=0)
    method.fit(made, digits(600), LinfBall(0.02), tmp_path_factory.mktemp("trained"))
    return made.eval()


@pytest.fixture(scope="module")
def compared(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    Evaluator(ATTACKS, [], every_attack=True, **FAST).evaluate(network, digits(100), THREAT, folder)
    return folder


def records_of(network, folder, evaluator, threat=THREAT, data=None):
    evaluator.evaluate(network, digits(100) if data is None else data, threat, folder)
    return read_records(folder / "records").drop("seconds")


def test_every_attack_on_every_correct_example(compared):
    records = read_records(compared / "records")
    correct = records["prediction"] == records["label"]
    summary = json.loads((compared / "summary.json").read_text())
    assert summary["every_attack"]
    for row in summary["attacks"]:
        broken, distance = records[f"broken: {row['name']}"], records[f"distance: {row['name']}"]
        assert (broken.is_not_null() == correct).all()
        assert row["tried"] == correct.sum()
        assert row["succeeded"] == broken.sum() > 0
        assert row["alone"]["count"] == correct.sum() - broken.sum()
        assert row["alone"]["low"] < row["alone"]["share"] < row["alone"]["high"]
        assert row["median_distance"] == pytest.approx(distance.median())
        assert row["mean_distance"] == pytest.approx(distance.mean())
        assert (row["found"], row["never"]) == (distance.count(), correct.sum() - distance.count())
        assert (distance.is_not_null() | ~broken).all()
    assert [row["minimum_distance"] for row in summary["attacks"]] == [False, False, True]
    columns = [f"broken: {name}" for name in ATTACKS]
    worst = records.select(pl.any_horizontal(columns)).to_series()
    assert (records["broken_by"].is_not_null() == worst.fill_null(False)).all()
    first = records.filter(pl.col("broken_by") == "PGD")
    assert not first["broken: FGSM"].any()
    least = records.select(pl.min_horizontal(f"distance: {name}" for name in ATTACKS)).to_series()
    assert records["distance"].equals(least, check_names=False)


def test_a_nearest_point_beyond_the_set_is_known_but_no_success(compared):
    records = read_records(compared / "records")
    beyond = records.filter(~pl.col("broken: ray"), pl.col("distance: ray").is_not_null())
    assert len(beyond)
    assert (beyond["distance: ray"] > 0.06).all()
    assert (records.filter("broken: ray")["distance: ray"] <= 0.0601).all()


def test_by_default_attacks_see_what_is_left_and_break_the_same(network, compared, tmp_path):
    records = records_of(network, tmp_path, Evaluator(ATTACKS, [], **FAST))
    every = read_records(compared / "records")
    assert records["broken_by"].equals(every["broken_by"])
    assert (records["broken: PGD"].is_null() == (records["broken: FGSM"].fill_null(True))).all()
    rows = json.loads((tmp_path / "summary.json").read_text())["attacks"]
    assert rows[0]["alone"] is not None
    assert rows[1]["alone"] is None


def test_the_order_of_attacks_changes_no_attack(network, compared, tmp_path):
    order = {name: ATTACKS[name] for name in ("PGD", "ray", "FGSM")}
    other = records_of(network, tmp_path, Evaluator(order, [], every_attack=True, **FAST))
    every = read_records(compared / "records")
    for name in ATTACKS:
        for column in (f"broken: {name}", f"distance: {name}"):
            assert other[column].equals(every[column])


def test_an_attack_that_does_not_apply_is_noted_and_the_run_goes_on(network, tmp_path):
    attacks = {"no set": Refusing(), "no shape": Refusing(ShapeError), "FGSM": FGSM(Margin())}
    summary = Evaluator(attacks, [], **FAST).evaluate(network, digits(50), THREAT, tmp_path)
    assert [row["not_applicable"] for row in summary["attacks"]] == ["not for this set", "not for this set", None]
    assert summary["attacks"][2]["succeeded"] > 0
    assert summary["attacks"][0]["tried"] == 0


def test_attacks_none_of_which_applies_leave_no_figure_at_any_radius(network, tmp_path):
    attacks = {"a": Refusing(), "b": Refusing()}
    evaluator = Evaluator(attacks, [], Curve([0.5, 1], attacks, [], 20), **FAST)
    summary = evaluator.evaluate(network, digits(50), THREAT, tmp_path)
    for one in (summary, *summary["curve"]):
        assert (one["attacked"], one["certified"]) == (None, None)
        assert one["not_applicable"] == {"attacked": "not applicable: not for this set"}
    two = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    data = Split(digits(20).inputs, digits(20).labels % 2)
    summary = Evaluator({"DLR": FGSM(DLR())}, [], **FAST).evaluate(two, data, THREAT, tmp_path / "two")
    assert "DLR needs" in summary["not_applicable"]["attacked"]


def test_parts_of_an_ensemble_that_do_not_apply_are_told_and_the_others_count(network, tmp_path, recwarn):
    attacks = {"all": Strongest({"no set": Refusing(), "FGSM": FGSM(Margin())}), "FGSM": FGSM(Margin())}
    evaluator = Evaluator(attacks, [], every_attack=True, shard=40, illustrated=2)
    summary = evaluator.evaluate(network, digits(50), THREAT, tmp_path)
    together, alone = summary["attacks"]
    assert (together["remarks"], alone["remarks"]) == (["no set is left out: not for this set"], [])
    assert together["succeeded"] == alone["succeeded"] > 0
    assert not [one for one in recwarn if one.category is PartWarning]


@dataclass(frozen=True)
class Odd(MinimumDistanceAttack):
    """Answers with numbers that are none."""

    def __call__(self, network, S, y, *, noise, enough=False):
        return S.start + inf - inf


@dataclass(frozen=True)
class Nowhere(Attack):
    """Answers with numbers that are none, though it should not."""

    def __call__(self, network, S, y, *, noise):
        return S.start * torch.nan


def test_answers_that_are_no_numbers_break_nothing(network, tmp_path):
    summary = Evaluator({"odd": Odd()}, [], **FAST).evaluate(network, digits(20), THREAT, tmp_path)
    assert (summary["attacks"][0]["succeeded"], summary["attacks"][0]["found"]) == (0, 0)
    with pytest.raises(HauberkError, match="nowhere"):
        Evaluator({"nowhere": Nowhere()}, [], **FAST).evaluate(network, digits(20), THREAT, tmp_path / "other")


def split(value):
    inputs = digits(10).inputs.float() / 255
    inputs[7, 0, 3, 3] = value
    return Split(inputs, digits(10).labels)


@pytest.mark.parametrize("value", [1.5, -0.1, torch.nan])
def test_inputs_out_of_range_are_refused_before_any_work(network, tmp_path, value):
    with pytest.raises(InputError, match="must lie in"):
        Evaluator(ATTACKS, [], shard=4).evaluate(network, split(value), THREAT, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("label", [-1, 10])
def test_labels_out_of_range_are_refused_before_any_work(network, tmp_path, label):
    data = digits(10)
    labels = data.labels.clone()
    labels[9] = label
    with pytest.raises(InputError, match=r"0\.\.9"):
        Evaluator(ATTACKS, [], shard=4).evaluate(network, Split(data.inputs, labels), THREAT, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_empty_split_is_refused(network, tmp_path):
    with pytest.raises(InputError, match="there are 0 inputs"):
        Evaluator(ATTACKS, []).evaluate(network, digits(0), THREAT, tmp_path)


@dataclass(frozen=True)
class Stepless(LinfSet):
    """A ball that knows no steepest step."""

    def steepest_step(self, z, gradient, length, noise):
        raise UnsupportedSetError("there is no direction here.")


@dataclass(frozen=True)
class SteplessThreat(ThreatModel):
    eps: float = 0.1
    name = "stepless"

    def at(self, x):
        ball = LinfBall(self.eps).at(x)
        return Stepless(ball.start, ball.radius, ball.box, ball.within)

    def scaled(self, factor):
        return SteplessThreat(self.eps * factor)


def test_a_set_without_a_steepest_step_is_refused_before_any_work(network, tmp_path):
    with pytest.raises(UnsupportedSetError, match=r"stepless has no steepest step.*no direction here"):
        Evaluator({"FGSM": FGSM(Margin())}, []).evaluate(network, digits(10), SteplessThreat(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_attacks_that_need_no_step_go_on_without(network, tmp_path):
    evaluator = Evaluator({"FGSM": FGSM(Margin()), "ray": Ray()}, [], **FAST)
    first, second = evaluator.evaluate(network, digits(40), SteplessThreat(), tmp_path)["attacks"]
    assert "no direction here" in first["not_applicable"]
    assert second["succeeded"] > 0


@dataclass(frozen=True)
class Careless(Attack):
    """Leaves gradients in the parameters, and draws from the global generator."""

    def __call__(self, network, S, y, *, noise):
        network.train()
        network.eval()
        for parameter in network.parameters():
            parameter.requires_grad_()
        network(S.start).sum().backward()
        torch.rand(3)
        return S.start


def test_nothing_of_the_network_or_the_random_state_is_left_changed(tmp_path):
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10), nn.Dropout())
    network[2].eval()
    network[1].bias.requires_grad_(False)
    network[1].weight.grad = torch.ones(10, 784)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    curve = Curve([0.5, 1], {"careless": Careless()}, [], 10)
    Evaluator({"careless": Careless()}, [], curve, **FAST).evaluate(network, digits(20), THREAT, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert [part.training for part in network] == [True, True, False, True]
    assert (network[1].bias.requires_grad, network[1].weight.requires_grad) == (False, True)
    assert torch.equal(network[1].weight.grad, torch.ones(10, 784))
    assert network[1].bias.grad is None
    assert all(torch.equal(tensor, kept[name]) for name, tensor in network.state_dict().items())


class Noisy(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x + 0.2 * torch.randn_like(x))


def test_a_random_network_gives_the_same_records_twice(network, tmp_path):
    evaluator, noisy = Evaluator(ATTACKS, [], every_attack=True, **FAST), Noisy(network)
    torch.manual_seed(1)
    first = records_of(noisy, tmp_path / "a", evaluator, data=digits(60))
    torch.manual_seed(2)
    assert first.equals(records_of(noisy, tmp_path / "b", evaluator, data=digits(60)))
    assert "random outputs" in (tmp_path / "a/summary.json").read_text()


class Changing(nn.Module):
    """Answers otherwise at every call, by what torch.export takes for a constant."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.calls = inner, 0

    def forward(self, x):
        self.calls += 1
        return self.inner(x) * self.calls


def test_nothing_is_proven_of_a_network_that_is_not_its_graph_and_it_is_attacked_all_the_same(network, tmp_path):
    evaluator = Evaluator({"FGSM": FGSM(Margin())}, [ByBound(Interval(), "interval")], **FAST)
    summary = evaluator.evaluate(Changing(network), digits(20), LinfBall(0.02), tmp_path)
    assert summary["certified"] is None
    assert "differ by" in summary["verifiers"][0]["not_applicable"]
    assert summary["attacked"]["count"] <= summary["clean"]["count"]


RADII = [0.5, 4, 1, 2]


@pytest.mark.parametrize(
    "threat", [LinfBall(0.02), pytest.param(L2Ball(0.5), marks=pytest.mark.product)], ids=["linf", "l2"]
)
def test_the_curve_never_rises_and_repeats_nothing(network, tmp_path, threat):
    curve = Curve(RADII, {"PGD": PGD(Margin(), 5, 0.4), "ray": Ray()}, [], 60)
    summary = Evaluator({}, [], curve, **FAST).evaluate(network, digits(60), threat, tmp_path)
    counts = [point["attacked"]["count"] for point in summary["curve"]]
    assert [point["eps"] for point in summary["curve"]] == pytest.approx([threat.eps * f for f in sorted(RADII)])
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    places = [read_records(tmp_path / f"curve/{factor:g}") for factor in sorted(RADII, reverse=True)]
    for larger, smaller in pairwise(places):
        left = larger["broken_by"].is_null()
        assert smaller.filter(left)["broken_by"].is_null().all()
        assert smaller.filter(left)["broken: PGD"].is_null().all()  # not asked again
        near = (larger["distance"] <= smaller["eps"].cast(pl.Float32)) & ~left
        assert smaller.filter(near)["broken_by"].is_not_null().all()
    assert summary["masking"] is None


class KilledError(Exception):
    pass


@pytest.mark.product
def test_a_curve_keeps_its_proofs_and_survives_a_kill(network, tmp_path):
    curve = Curve([0.05, 0.1, 1], {"PGD": PGD(Margin(), 5, 0.4)}, [ByBound(Interval(), "interval")], 60)
    evaluator, threat = Evaluator({}, [], curve, illustrated=0, shard=25), LinfBall(0.02)
    evaluator.evaluate(network, digits(60), threat, tmp_path / "whole")

    def kill(stage, done, total):
        if stage == threat.scaled(0.1).name and done == 50:
            raise KilledError

    with pytest.raises(KilledError):
        evaluator.evaluate(network, digits(60), threat, tmp_path / "parts", watch=kill)
    evaluator.evaluate(network, digits(60), threat, tmp_path / "parts")
    whole, parts = (
        [read_records(tmp_path / run / f"curve/{factor:g}").drop("seconds") for factor in (1, 0.1, 0.05)]
        for run in ("whole", "parts")
    )
    assert all(first.equals(second) for first, second in zip(whole, parts, strict=True))
    for larger, smaller in pairwise(whole):
        kept = larger["certified_by"].is_not_null() & larger["broken_by"].is_null()
        assert smaller.filter(kept)["certified_by"].equals(larger.filter(kept)["certified_by"])
        assert smaller.filter(kept)["lower"].equals(larger.filter(kept)["lower"])  # proven once
    assert 0 < whole[1]["certified_by"].count() <= whole[2]["certified_by"].count()
