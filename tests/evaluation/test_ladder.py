import time
from itertools import pairwise

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, SoundnessError, UnsupportedOpError
from hauberk.evaluation.ladder import Ladder
from hauberk.evaluation.records import read_facts, read_records
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, LipschitzMargin

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises

ATTACKS = {"PGD": PGD(Margin(), 10, 0.25), "FGSM": FGSM(CrossEntropy())}
VERIFIERS = [ByBound(Interval(), "interval"), ByBound(BackwardLinear(), "CROWN")]


@pytest.fixture
def data():
    torch.manual_seed(0)
    x = torch.rand(300, 4)
    return Split(x, (x[:, 0] > x[:, 1]).long() + (x.sum(1) > 2.4).long())


@pytest.fixture
def network(data):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data.inputs), data.labels).backward()
        optimizer.step()
    return network.eval()


def ladder(network, data, attacks=ATTACKS, verifiers=VERIFIERS, watch=lambda standing: None):
    subject = NetworkSubject(network, capture(network, data.inputs[:2]))
    return Ladder(subject, LinfBall(0.05), data, attacks, verifiers, 0, watch)


def test_with_time_enough_every_example_is_decided_or_tried_by_all(network, data, tmp_path):
    seen = []
    own = ladder(network, data, watch=seen.append)
    assert own.climb(120) == []
    own.write(tmp_path / "records", 1.0)
    records = read_records(tmp_path / "records")
    assert records["index"].to_list() == list(range(300))
    right = records.filter(pl.col("prediction") == pl.col("label"))
    open_ = right.filter(pl.col("broken_by").is_null(), pl.col("certified_by").is_null())
    assert right["broken: PGD"].null_count() == 0
    assert open_["broken: FGSM"].null_count() == 0
    last = seen[-1]
    assert (last.seen, last.open) == (300, len(open_))
    assert last.wrong == 300 - len(right)
    assert last.broken == right["broken_by"].count()
    assert last.proven == right.filter(pl.col("broken_by").is_null())["certified_by"].count()
    assert min(last.wrong, last.broken, last.proven) > 0
    assert all(a.proven <= b.proven for a, b in pairwise(seen))


def test_proofs_and_attacks_are_those_of_the_whole_split_at_once(network, data):
    own = ladder(network, data)
    own.climb(120)
    x, y = data.inputs, data.labels
    subject = own.subject
    S = LinfBall(0.05).at(x)
    verified = VERIFIERS[1](subject, S, own.shards[0].spec.margins(y, 3)).verified
    proven = torch.tensor([by is not None for shard in own.shards for by in shard.proofs.by])
    broken = torch.tensor([by is not None for shard in own.shards for by in shard.counterexamples.by])
    right = network(x).argmax(1) == y
    assert torch.equal(proven & right & ~broken, verified & right & ~broken)


def test_only_what_met_the_first_attack_in_time_is_judged(network, data, tmp_path):
    class Slow(PGD):
        def __call__(self, network, S, y, *, noise):
            time.sleep(0.05 * len(y))
            return super().__call__(network, S, y, noise=noise)

    own = ladder(network, data, {"slow": Slow(Margin(), 2)}, VERIFIERS)
    own.climb(6)
    own.write(tmp_path / "records", 1.0)
    records = read_records(tmp_path / "records")
    assert 0 < len(records) < 200
    assert records["index"].to_list() == list(range(len(records)))
    right = records.filter(pl.col("prediction") == pl.col("label"))
    assert right["broken: slow"].null_count() == 0


def test_what_is_left_is_told_with_its_price(network, data):
    class Slow(ByBound):
        def __call__(self, subject, S, spec):
            time.sleep(0.5)
            return super().__call__(subject, S, spec)

    slow = Slow(Interval(), "slow")
    rest = ladder(network, data.select(slice(0, 60)), {}, [slow, Slow(Interval(), "slower")]).climb(3)
    assert {one.name for one in rest} <= {"slow", "slower"}
    assert rest
    assert all(one.examples > 0 and one.seconds > 0 for one in rest)


def test_less_time_than_one_example_takes_is_refused(network, data):
    class Slow(PGD):
        def __call__(self, network, S, y, *, noise):
            time.sleep(0.3)
            torch.ones(1)
            raise AssertionError("the deadline was missed")

    with pytest.raises(InputError, match="give more minutes"):
        ladder(network, data, {"slow": Slow(Margin())}).climb(0.5)


def test_what_does_not_apply_is_noted_and_tried_once(network, data, tmp_path):
    own = ladder(network, data, verifiers=[LipschitzMargin(), *VERIFIERS])
    assert own.climb(120) == []
    own.write(tmp_path / "records", 1.0)
    assert any("Lipschitz margin" in fact["not_applicable"] for fact in read_facts(tmp_path / "records"))


def test_a_network_without_a_graph_is_attacked_alone(network, data, tmp_path):
    subject = NetworkSubject(network, UnsupportedOpError("it cannot be captured."))
    own = Ladder(subject, LinfBall(0.05), data, ATTACKS, VERIFIERS, 0, lambda standing: None)
    assert own.climb(60) == []
    own.write(tmp_path / "records", 1.0)
    records = read_records(tmp_path / "records")
    assert records["certified_by"].null_count() == len(records)
    assert records["broken_by"].count() > 0


def test_a_wrong_proof_of_a_broken_example_comes_to_light(network, data, tmp_path):
    class Wrong(ByBound):
        def __call__(self, subject, S, spec):
            found = super().__call__(subject, S, spec)
            return type(found).from_lower(torch.ones_like(found.lower), found.subject, "wrong")

    own = ladder(network, data, verifiers=[Wrong(Interval(), "wrong")])
    own.climb(60)
    with pytest.raises(SoundnessError, match="proven by wrong and broken by PGD"):
        own.write(tmp_path / "records", 1.0)


def test_what_was_not_begun_is_not_taken_for_what_found_nothing(network, data, tmp_path):
    class Costly(ByBound):
        def rows(self, graph, S, spec):
            return 1e12

    verifiers = [ByBound(BackwardLinear(Interval()), "CROWN-IBP"), Costly(Interval(), "costly")]
    own = ladder(network, data, verifiers=verifiers)
    (rest,) = own.climb(30)
    assert rest.name == "costly"
    assert rest.seconds > 1e6
    own.write(tmp_path / "records", 1.0)
    said = "".join(fact["not_applicable"] for fact in read_facts(tmp_path / "records"))
    assert "costly was not begun in the time given: an example would take about" in said
    assert "costly" not in read_records(tmp_path / "records")["certified_by"].to_list()


def test_fewer_examples_are_bounded_at_once_where_they_are_large(network, data):
    small = ladder(network, data)
    wide = nn.Sequential(nn.Linear(4, 2_000_000), nn.ReLU(), nn.Linear(2_000_000, 3)).eval()
    assert ladder(wide, data).most < small.most
