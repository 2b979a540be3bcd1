"""The table that compares trainings."""

import csv
import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "methods.py"


def test_each_run_is_a_row_with_exact_intervals(make_run, tmp_path):
    runs = [make_run("sabr-0.1"), make_run("ibp-0.1")]
    command = [sys.executable, SCRIPT, *runs, "--csv", tmp_path / "table.csv"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert [line.split(" | ")[0] for line in answer.stdout.splitlines()[2:]] == ["| ibp", "| sabr"]
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["certified"].count("–") == 1
    assert {"method", "eps", "examples", "clean", "attacked", "epochs", "minutes"} < rows[0].keys()
    summary = json.loads((runs[1] / "evaluation" / "summary.json").read_text())
    assert int(rows[0]["open"]) == summary["attacked"]["count"] - summary["certified"]["count"]
    proven = {one["name"]: str(one["certified"]) for one in summary["verifiers"] if one["certified"]}
    assert dict(part.rsplit(" ", 1) for part in rows[0]["proven by"].split(", ")) == proven
