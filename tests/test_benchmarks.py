"""Benchmarks run on little; their figures come from longer runs."""

import ast
import csv
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from longer import mostly_later

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SOUNDNESS, ATTACKS, BOUNDS = (BENCHMARKS / f"{name}.py" for name in ("soundness", "attacks", "bounds"))
RECIPE = """
data: datasets.MNIST
threat: {class: threats.LinfBall, eps: 0.3}
network: {class: architectures.FullyConnected, hidden: []}
trainer:
  objective: {class: objectives.Natural, loss: losses.CrossEntropy}
  epochs: 1
  learning_rate: {class: schedules.Constant, value: 0.1}
evaluator: {attacks: {}, verifiers: []}
"""


@pytest.mark.product
def test_no_bound_is_crossed():
    command = [sys.executable, SOUNDNESS, "--samples", "1", "--attacked", "1", "--exact", "5"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith(" 0 crossings\n")


@pytest.mark.product
def test_no_attack_breaks_a_constant_network(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    bias = torch.zeros(10)
    bias[7] = 1.0
    save_file({"1.weight": torch.zeros(10, 784), "1.bias": bias}, tmp_path / "model.safetensors")
    command = [sys.executable, ATTACKS, tmp_path, "--images", "10", "--cases", "apgd-ce-linf,ddn", "--csv", "found.csv"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    with (tmp_path / "found.csv").open() as file:
        apgd, ddn = csv.DictReader(file)
    assert float(apgd["robust_accuracy"]) == 10.0  # one of the first ten images is a seven
    assert float(ddn["distance"]) == math.inf


@pytest.mark.product
@pytest.mark.parametrize("case", ["CROWN, members apart", "dual network both ways"])
def test_both_ways_and_members_apart_are_compared_with_a_single_pass(tmp_path, case):
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("hidden: []", "hidden: [6, 5]"))
    shapes = {"1": (6, 784), "3": (5, 6), "5": (10, 5)}
    weights = {
        f"{i}.weight": torch.randn(shape, generator=torch.Generator().manual_seed(0)) for i, shape in shapes.items()
    }
    save_file(weights | {f"{i}.bias": torch.zeros(n) for i, (n, _) in shapes.items()}, tmp_path / "model.safetensors")
    command = [sys.executable, BOUNDS, tmp_path, "--repeats", "1", "--cases", case, "--csv", "it"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    with (tmp_path / "it").open() as file:
        (row,) = csv.DictReader(file)
    assert row["case"] == case
    assert float(row["single_ms"]) > 0


OF_VOTES = {"cost": ["--samples", "64"], "time": [], "votes": ["--examples", "2", "--radii", "0.1"]}


@pytest.mark.parametrize("question", mostly_later(OF_VOTES))
def test_votes_are_timed_and_counted(question: str, tmp_path: Path):
    command = [sys.executable, BENCHMARKS / "smoothing.py", question, "--images", "1", "--repeats", "1"]
    command += OF_VOTES[question]
    answer = subprocess.run([*command, "--csv", tmp_path / "t.csv"], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert all(float(row[key]) >= 0 for row in rows for key in list(row)[1:])
    if question == "votes":
        assert float(rows[0]["mean votes"]) == 100_000
        assert float(rows[1]["mean votes"]) <= 100_000
    else:
        assert float(rows[0]["ratio" if question == "time" else "ratio to passes alone"]) > 0


@pytest.mark.product
def test_projections_onto_wasserstein_balls_reach_the_gap(tmp_path: Path):
    command = [sys.executable, BENCHMARKS / "wasserstein.py", "--images", "1", "--rounds", "1", "--tolerance", "1e-4"]
    answer = subprocess.run([*command, "--csv", tmp_path / "t.csv"], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    gaps = [float(row["largest gap"]) for row in rows if row["largest gap"]]
    assert len(gaps) == 4
    assert max(gaps) <= 1.001e-4


@pytest.mark.product
def test_starts_are_timed(tmp_path: Path):
    command = [sys.executable, BENCHMARKS / "startup.py", "--repeats", "1", "--csv", tmp_path / "t.csv"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert {"hauberk info attacks.PGD", "python -c 'import torch'"} < {row["command"] for row in rows}
    assert all(0 < float(row["median_s"]) == float(row["largest_s"]) for row in rows)


def test_the_accelerator_benchmark_checks_counts_and_times_every_row(tmp_path: Path):
    command = [sys.executable, BENCHMARKS / "accelerator.py", "--tiny", "--device", "cpu"]
    command += ["--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("passed") == 7
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert len(rows) == 22
    assert all(float(row["ours_ms"]) > 0 and int(row["launches"]) > 0 for row in rows)
    assert all(float(row["foretold_ms"]) > 0.005 * int(row["launches"]) for row in rows)
    steps = {row["row"]: row for row in rows if row["plain_launches"]}
    assert {"natural step, small", "interval step, CNN7", "PGD-50"} < set(steps)
    assert all(int(row["plain_waits"]) == 0 for row in steps.values())
    assert int(steps["PGD-7 step, small"]["plain_launches"]) > 3 * int(steps["FGSM step, small"]["plain_launches"]) / 2
    assert (tmp_path / "t.md").read_text(encoding="utf-8").count("\n| ") == len(rows) + 2


def test_what_a_call_asks_of_an_accelerator_is_counted(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from accelerator_counts import dispatched

    a, b = torch.ones(20, 30), torch.ones(30, 40)

    def call() -> None:
        c = (a @ b).T.reshape(-1)
        (c > 0).nonzero()
        del c
        torch.ones(100).add_(1)
        a.tolist()

    found = dispatched(call)
    assert found.flops == 2 * 20 * 30 * 40
    assert found.launches == 6  # a product, a copy, a comparison, the places, a fill and a sum
    assert found.waits == 2  # the number of places, and what is listed
    floats = (20 * 30 + 30 * 40 + 800) + 2 * 800 + 800 + 100 + 2 * 100
    assert found.moved == 4 * floats + 800 + 800 + 8 * 800
    assert found.peak == 4 * 800 + 800 + 8 * 800  # the copy, the mask and the places
    assert found.seconds(1.0, 1e30, 1e30) == 6


@pytest.mark.product
def test_growth_of_bounds_is_the_power_of_the_width():
    command = [sys.executable, BENCHMARKS / "bound_scaling.py", "--cases", "interval", "--widths", "1", "2"]
    answer = subprocess.run([*command, "--repeats", "1"], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    one, two = (ast.literal_eval(line) for line in answer.stderr.splitlines()[-2:])
    assert one["width"] == 1
    assert f"{math.log2(two['seconds'] / one['seconds']):.2f}" in answer.stdout
