"""One batch of examples: which attacks and verifiers see what, with which random numbers, and what is written."""

import json
import warnings
from math import inf

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.noise import Noise
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import PartWarning, UnsupportedOpError, UnsupportedSetError
from hauberk.evaluation.shard import Shard
from hauberk.threats import GivenBox, L2Ball, LinfBall, Union
from two_pixels import comparing

INDEX = torch.tensor([40, 41, 42, 43, 44])
X = torch.tensor([[0.2, 0.3], [0.7, 0.1], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7]])
Y = torch.zeros(5, dtype=torch.long)
SEED = 5


def shard(threat=None):
    """Return a shard of a network that says 1 where the first pixel exceeds the second: of these, of the second."""
    return Shard(comparing(), LinfBall(0.15) if threat is None else threat, X, Y, INDEX, SEED)


class Watching(Attack):
    """Moves the pixels towards each other as far as the set allows, and notes what it is shown."""

    def __init__(self):
        self.seen, self.keys = [], []

    def __call__(self, network, S, y, *, noise):
        self.seen.append(noise.examples.tolist())
        self.keys.append(noise.keys)
        return S.project(S.start + torch.tensor([9.0, -9.0]))


class Claiming(Verifier):
    def __init__(self, proven, name="claiming", confidence=1.0, last=False):
        self.proven, self.name, self.confidence, self.last = proven, name, confidence, last
        self.seen = []

    def __call__(self, subject, S, spec):
        where = [int((one == X).all(1).nonzero()[0, 0]) for one in S.start]
        self.seen.append([int(INDEX[i]) for i in where])
        lower = torch.tensor([[0.25 if i in self.proven else -0.25] for i in where])
        return Certificate.from_lower(lower, subject.kind, "claimed", self.confidence)


def test_noise_belongs_to_seed_and_example_whatever_an_attacks_name_or_place():
    whole, part = shard(), shard()
    first, second, alone = Watching(), Watching(), Watching()
    whole.attack("a", first)
    whole.attack("b", second)
    part.attack("b", alone)
    everyone = Noise.of(SEED, INDEX)
    for watched, seen in ((first, [40, 42, 43, 44]), (second, [43, 44]), (alone, [40, 42, 43, 44])):
        assert watched.seen == [seen]
        own = everyone.select(torch.isin(INDEX, torch.tensor(seen)))
        assert torch.equal(watched.keys[0], own.keys)


def test_an_attack_sees_what_is_right_and_neither_broken_nor_to_be_skipped():
    for everywhere, skip, seen in (
        (False, False, [43, 44]),
        (False, True, [44]),
        (True, False, [40, 42, 43, 44]),
        (True, True, [40, 42, 43, 44]),
    ):
        made, late = shard(), Watching()
        made.attack("a", Watching())
        assert made.counterexamples.by == ["a", None, "a", None, None]
        made.verify(Claiming({3}))
        made.attack("late", late, everywhere=everywhere, skip_proven=skip)
        assert late.seen == [seen], (everywhere, skip)
        made.settled[4] = True
        made.attack("later", late, everywhere=everywhere, skip_proven=skip)
        assert late.seen[1:] == [[i for i in seen if i != 44]] if seen != [44] else len(late.seen) == 1


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_search_for_the_nearest_point_may_stop_inside_the_set_unless_distances_are_asked_for(everywhere: bool):
    class Nearest(MinimumDistanceAttack):
        def __call__(self, network, S, y, *, noise, enough=False):
            assert enough is not everywhere
            return S.start

    made = shard()
    made.attack("nearest", Nearest(), everywhere=everywhere)
    assert "nearest" not in made.counterexamples.refusals


def test_a_verifier_sees_what_is_right_and_unproven_and_at_the_end_unbroken():
    made = shard()
    made.attack("a", Watching())
    first, second, last = Claiming({3}, "x"), Claiming(set(), "y"), Claiming({4}, "z", last=True)
    for verifier in (first, second, last):
        made.verify(verifier)
    assert [one.seen for one in (first, second, last)] == [[[40, 42, 43, 44]], [[40, 42, 44]], [[44]]]
    assert made.proofs.by == [None, None, None, "x", "z"]


def test_records_say_what_happened_to_each_example():
    made = shard()
    made.verify(Claiming({3}, "sure"))
    made.attack("a", Watching())
    made.attack("nothing left", Watching(), skip_proven=True)
    found = made.records(10.0)
    assert found["index"].to_list() == INDEX.tolist()
    assert found["prediction"].to_list() == [0, 1, 0, 0, 0]
    assert found["margin"].to_list() == pytest.approx([0.1, -0.6, 0.2, 0.8, 0.4])
    assert found["broken_by"].to_list() == ["a", None, "a", None, None]
    assert found["certified_by"].to_list() == [None, None, None, "sure", None]
    assert found["lower"].to_list() == [-0.25, None, -0.25, 0.25, -0.25]
    assert found["radius"].null_count() == 5, "no verifier searched for one"
    assert found["broken: a"].to_list() == [True, None, True, False, False]
    assert found["broken: nothing left"].to_list() == [None, None, None, None, False]
    distances = found["distance: a"].to_list()
    assert distances[:1] + distances[2:3] == pytest.approx([0.15, 0.15], rel=1e-5)
    assert distances[1] is distances[3] is distances[4] is None
    assert found["distance"].to_list() == distances
    assert found["eps"].to_list() == [0.15] * 5
    assert found["seconds"].to_list() == [2.0] * 5


def test_on_a_set_without_a_norm_attacks_break_and_leave_no_distance():
    made = shard(Union([LinfBall(0.15), L2Ball(0.1)]))
    made.attack("a", Watching())
    found = made.records(1.0)
    assert found["broken: a"].sum() > 0
    assert found["broken_by"].count() == found["broken: a"].sum()
    assert found["distance"].null_count() == found["distance: a"].null_count() == 5
    smaller = shard(Union([LinfBall(0.1), L2Ball(0.05)]))
    smaller.inherit(found, made.facts(), ["a"])
    assert smaller.counterexamples.by == [None] * 5, "how near its points were is not known"
    assert smaller.settled.tolist() == found["broken_by"].is_null().to_list()


def test_the_norm_of_distances_is_named_where_there_is_one():
    threats = (LinfBall(0.1), L2Ball(0.1), GivenBox(X - torch.tensor([0.1, 0.2]), X + 0.1), Union([L2Ball(0.1)]))
    assert [shard(threat).facts()["norm"] for threat in threats] == ["l_inf", "l_2", "", ""]


def test_a_smaller_radius_keeps_what_was_unbroken_or_broken_near_by():
    larger = shard(LinfBall(0.25))
    larger.verify(Claiming({3}, "sure"))
    larger.attack("a", Watching())
    records = larger.records(1.0)
    assert records["broken_by"].to_list() == ["a", None, "a", None, "a"]
    records = records.with_columns(pl.Series("distance: a", [0.05, None, 0.2, None, 0.1], dtype=pl.Float32))
    made, watched, verifier = shard(LinfBall(0.1)), Watching(), Claiming(set(), "late")
    made.inherit(records, larger.facts(), ["a"])
    assert made.settled.tolist() == [False, True, False, True, False]
    assert made.counterexamples.by == ["a", None, None, None, "a"]
    assert made.proofs.by == [None, None, None, "sure", None]
    made.attack("a", watched, skip_proven=True)
    made.verify(verifier)
    assert watched.seen == [[42]]
    assert verifier.seen == [[40, 42, 44]]


class Refusing(Attack):
    def __call__(self, network, S, y, *, noise):
        raise UnsupportedSetError("no set for me")


def test_attacks_that_do_not_apply_are_noted_at_every_radius():
    made = shard()
    made.attack("odd", Refusing())
    made.attack("a", Watching())
    found = made.records(1.0)
    assert found["broken: odd"].null_count() == 5
    assert found["distance"].fill_null(inf).min() == pytest.approx(0.15, rel=1e-5)
    smaller = shard(LinfBall(0.1))
    smaller.inherit(found, made.facts(), ["odd", "a"])
    for one in (made, smaller):
        assert json.loads(one.facts()["attacks_not_applicable"]) == {"odd": "no set for me"}


class Noted(Watching):
    """Leaves out a part, and warns of something else."""

    def __call__(self, network, S, y, *, noise):
        for _ in range(2):
            warnings.warn("a part is left out", PartWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
        return super().__call__(network, S, y, noise=noise)


def test_what_an_attack_leaves_out_is_noted_once_and_other_warnings_are_shown():
    made = shard()
    with pytest.warns(UserWarning, match="something else") as shown:
        made.attack("a", Noted())
    assert not [one for one in shown if one.category is PartWarning]
    smaller = shard(LinfBall(0.1))
    smaller.inherit(made.records(1.0), made.facts(), ["a"])
    for one in (made, smaller):
        assert json.loads(one.facts()["attack_remarks"]) == {"a": ["a part is left out"]}


def test_what_a_network_draws_itself_depends_on_what_is_asked_and_of_whom():
    drawn = {}
    for what in ("attack a", "attack b", "attack a"):
        made = shard()
        made.reseed(what)
        drawn.setdefault(what, []).append(torch.rand(1).item())
    assert drawn["attack a"][0] == drawn["attack a"][1] != drawn["attack b"][0]
    other = Shard(made.subject, LinfBall(0.1), X[1:], Y[1:], INDEX[1:], SEED)
    other.reseed("attack a")
    assert torch.rand(1).item() != drawn["attack a"][0]


class Drawing(Verifier):
    """Draws a number, and proves nothing."""

    def __init__(self, name):
        self.name, self.drawn = name, []

    def __call__(self, subject, S, spec):
        self.drawn.append(torch.rand(1).item())
        return Certificate.from_lower(-torch.ones_like(spec.offset), subject.kind, "none")


class Sampling(Attack):
    """Draws a number, and stays where it is."""

    def __init__(self):
        self.drawn = []

    def __call__(self, network, S, y, *, noise):
        self.drawn.append(torch.rand(1).item())
        return S.start


def test_what_is_drawn_for_one_question_does_not_depend_on_those_before():
    numbers = {}
    for order in (["a", "b"], ["b", "a"]):
        made = shard()
        for name in order:
            verifier, attack = Drawing(name), Sampling()
            made.verify(verifier)
            made.attack(name, attack)
            numbers.setdefault(f"verifier {name}", []).extend(verifier.drawn)
            numbers.setdefault(f"attack {name}", []).extend(attack.drawn)
    assert all(first == second for first, second in numbers.values())
    assert numbers["attack a"] == numbers["attack b"], "whatever their names"
    assert len({first for first, _ in numbers.values()}) == 3, "each verifier has numbers of its own"


def test_a_networks_own_numbers_at_prediction_belong_to_the_shard():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    def predicted(seed, index):
        torch.manual_seed(seed)
        subject = NetworkSubject(Noisy(), UnsupportedOpError("not captured"))
        return Shard(subject, LinfBall(0.1), X, Y, index, SEED).margin.tolist()

    assert predicted(1, INDEX) == predicted(2, INDEX) != predicted(1, INDEX + 1)
