"""The demonstration in the plane, from the command to the report."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from hauberk.cli import main


def demo(folder: Path, *changes: str) -> None:
    settings = [argument for change in changes for argument in ("--set", change)]
    assert main(["demo", "two-dimensional", "--run", str(folder), *settings]) == 0


def certified(folder: Path) -> int:
    """Return how many points are proven, as summary and decision regions say alike."""
    count = json.loads((folder / "evaluation/summary.json").read_text())["certified"]["count"]
    points = pl.read_parquet(folder / "evaluation/studies/Decision regions.parquet").filter(pl.col("part") == "point")
    assert points["certified"].sum() == count
    return count


@pytest.mark.product
def test_one_command_makes_both_runs_and_a_report_of_both(tmp_path: Path):
    study = "{class: studies.OutputPolytope, bounder: bounds.Interval, box: bounds.Interval, side: 5}"
    demo(
        tmp_path / "run", "trainer.epochs=3", "network.hidden=[6]", "data.count=4",
        "evaluator.attacks.PGD-40 x 10.times=1",
        f"evaluator.studies.Outer polytopes of random networks={study}",
    )  # fmt: skip
    standard = tmp_path / "run/variants/standard"
    for folder, measure in [(tmp_path / "run", "certified"), (standard, "robust")]:
        assert json.loads((folder / "train.jsonl").read_text().splitlines()[-1])["measure"] == measure
        assert 0 <= certified(folder) <= 4
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert len(re.findall(r"Decision regions with 4 examples", page)) == 2
    assert "2 runs compared" in page
    assert "test images" not in page


@pytest.mark.product
def test_robust_training_proves_every_point_and_standard_training_does_not(tmp_path: Path):
    demo(tmp_path / "run")
    assert certified(tmp_path / "run") == 12
    assert certified(tmp_path / "run/variants/standard") < 12
