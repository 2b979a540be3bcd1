"""What an evaluation does with its studies."""

import json
from dataclasses import dataclass

import polars as pl
import pytest
import torch
from torch import nn

from digits import digits
from hauberk.bounds import Interval
from hauberk.concepts.study import Findings, Study
from hauberk.errors import InputError, ShapeError, SoundnessError
from hauberk.evaluation import Evaluator
from hauberk.studies import DecisionRegions, FirstLayerFilters
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

THREAT = LinfBall(0.01)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


@dataclass(frozen=True)
class Counting(Study):
    """Says how many examples there are, or fails."""

    error: str = ""

    def __call__(self, subject, data, threat) -> Findings:
        assert not subject.module.training
        if self.error:
            raise {"shape": ShapeError, "sound": SoundnessError}[self.error]("no")
        return Findings(pl.DataFrame({"count": [len(data)]}), {"threat": threat.name})


def evaluated(network, folder, **studies):
    Evaluator({}, [], studies=studies).evaluate(network, digits(20), THREAT, folder)
    return folder / "studies"


def test_each_study_is_a_table_with_its_facts(network, tmp_path):
    folder = evaluated(network, tmp_path, **{"How many": Counting(), "A few filters": FirstLayerFilters(2)})
    assert pl.read_parquet(folder / "How many.parquet")["count"].to_list() == [20]
    facts = pl.read_parquet_metadata(folder / "How many.parquet")
    assert (facts["study"], facts["place"], json.loads(facts["facts"])) == (
        "Counting", "0", {"threat": "linf eps 0.01"},
    )  # fmt: skip
    assert pl.read_parquet_metadata(folder / "A few filters.parquet")["place"] == "1"
    assert len(list(folder.iterdir())) == 2


def test_answers_that_are_there_are_kept(network, tmp_path):
    file = evaluated(network, tmp_path, one=Counting()) / "one.parquet"
    before = file.stat().st_mtime_ns
    evaluated(network, tmp_path, one=Counting())
    assert file.stat().st_mtime_ns == before


def test_what_makes_no_sense_says_why_and_the_rest_goes_on(network, tmp_path):
    regions = DecisionRegions(ByBound(Interval()))
    folder = evaluated(network, tmp_path, plane=regions, other=Counting("shape"), last=Counting())
    assert len(pl.read_parquet(folder / "plane.parquet")) == 0
    reasons = [json.loads(pl.read_parquet_metadata(folder / f"{name}.parquet")["facts"]) for name in ("plane", "other")]
    assert "(1, 28, 28)" in reasons[0]["not_applicable"]
    assert reasons[1] == {"not_applicable": "no"}
    assert len(pl.read_parquet(folder / "last.parquet")) == 1


def test_other_errors_are_not_swallowed(network, tmp_path):
    with pytest.raises(SoundnessError):
        evaluated(network, tmp_path, one=Counting("sound"))
    assert not (tmp_path / "studies/one.parquet").exists()


def test_another_study_is_another_evaluation(network, tmp_path):
    evaluated(network, tmp_path, one=FirstLayerFilters(2))
    with pytest.raises(InputError, match="another"):
        evaluated(network, tmp_path, one=FirstLayerFilters(3))


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\0b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(InputError, match="name"):
        Evaluator({}, [], studies={name: Counting()})
