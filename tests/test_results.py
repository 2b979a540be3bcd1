"""The evidence in results/: its figures follow from its records, its links lead somewhere, and it stays small."""

import contextlib
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from hauberk.evaluation.records import outcomes
from hauberk.recipe import read_recipe, shipped_recipes

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
READMES = sorted(RESULTS.rglob("README.md"))
TABLES = sorted(RESULTS.glob("*/runs.json"))
READERS = {"FILE", "recipes/NAME.yaml"}
"""What stands in commands for a recipe of the reader's choice."""


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_summaries_follow_from_the_records(table: Path):
    runs = {run["name"]: run for run in json.loads(table.read_text(encoding="utf-8"))}
    records = pl.read_parquet(table.parent / "records.parquet").partition_by("run", as_dict=True)
    assert {name for (name,) in records} == {name for name, run in runs.items() if {"summary", "cascade"} & run.keys()}
    for (name,), found in records.items():
        if (summary := runs[name].get("summary")) is None:
            continue
        assert len(found) == summary["examples"]
        assert {key: int(mask.sum()) for key, mask in outcomes(found).items()} == {
            key: summary[key]["count"] if summary[key] else 0  # nothing is proven where no proof was tried
            for key in ("clean", "attacked", "certified")
        }
        broken, proven = Counter(found["broken_by"]), Counter(found["certified_by"])
        assert [broken[one["name"]] for one in summary["attacks"]] == [one["broken"] for one in summary["attacks"]]
        assert [proven[one["name"]] for one in summary["verifiers"]] == [
            one["certified"] for one in summary["verifiers"]
        ]


def test_a_cascades_errors_follow_from_the_records():
    folder = RESULTS / "2026-11-22_certified-training"
    (run,) = (run for run in json.loads((folder / "runs.json").read_text()) if "cascade" in run)
    records = pl.read_parquet(folder / "records.parquet").filter(run=run["name"])
    for rule in run["cascade"]["rules"]:
        answer, certificate = (records[f"{kind}: {rule['rule']}"] for kind in ("standard", "certified"))
        assert (answer != records["label"]).sum() == rule["standard_error"]["count"]
        assert (certificate != records["label"]).sum() == rule["robust_error"]["count"]
        assert (certificate == -1).sum() == rule["abstained"]["count"]


def test_the_rows_of_certified_training_are_those_of_its_page():
    folder = RESULTS / "2026-11-22_certified-training"
    command = [sys.executable, ROOT / "benchmarks" / "methods.py", folder / "runs.json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    page = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert {line for line in page if re.match(r"\| [a-z-]+ \| 0\.[13] \|", line)} == set(answer.stdout.splitlines()[2:])


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.parent.name)
def test_links_lead_to_files_and_python_runs(page: Path, monkeypatch: pytest.MonkeyPatch):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]
    monkeypatch.chdir(TABLES[0].parent if page.parent == RESULTS else page.parent)
    for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        if "write_parquet" not in program:
            with contextlib.redirect_stdout(None):
                exec(compile(program, str(page), "exec"), {})


@pytest.mark.parametrize("page", READMES, ids=lambda path: path.parent.name)
def test_commands_that_a_page_names_are_still_there(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    known = shipped_recipes().keys() | {str(path.relative_to(page.parent)) for path in page.parent.rglob("*.yaml")}
    for command in re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", text)):
        words = shlex.split(command.removeprefix("python ")) or [""]
        if words[0].startswith("benchmarks/"):
            source = (ROOT / words[0]).read_text(encoding="utf-8")
            assert all(f'"{word}"' in source for word in words if word.startswith("--")), command
        if words[:2] in (["hauberk", "train"], ["hauberk", "cascade"]) and set(words[2:3]) - READERS:
            assert words[2] in known, command
            if words[2] in shipped_recipes():
                settings = [setting for flag, setting in pairwise(words) if flag == "--set"]
                read_recipe(words[2], [setting.replace("0..2", "0") for setting in settings])


def test_every_folder_is_in_the_index():
    index = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert [path.parent.name for path in READMES if f"({path.parent.name}/README.md)" not in index] == [RESULTS.name]


def test_results_stay_small():
    files = [path for path in RESULTS.rglob("*") if path.is_file()]
    assert len(files) <= 250
    assert sum(path.stat().st_size for path in files) <= 12e6
