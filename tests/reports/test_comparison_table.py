"""The table of a comparison: what it says of each run, of pairs, of seeds, and of what cannot be compared."""

import io
import json
import re

import polars as pl
import pytest
from rich.console import Console

from hauberk.errors import InputError
from hauberk.evaluation.statistics import paired_interval, share
from hauberk.reports.comparison_table import print_comparison
from reports.synthetic import EXAMPLES, RUN, smoothed

RECIPE = """
seed: {seed}
trainer: {{objective: {{class: objectives.Certified, bounder: bounds.Interval}}, epochs: {epochs}}}
"""


@pytest.fixture
def printed():
    """A function that returns the cells of each row of a comparison's table, joined, and the lines after it."""

    def printed(*folders, width=160):
        console = Console(width=width, record=True, force_terminal=True, color_system=None, file=io.StringIO())
        print_comparison(list(folders), console)
        table, _, rest = console.export_text().rpartition("┘")
        return [" ".join(row) for row in joined(table)], " ".join(rest.split())

    return printed


def joined(table):
    """The rows of a table, each as its cells, whose lines are joined: a bold name begins a row."""
    rows = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")] if line.startswith("│") else []
        if len(cells) != 4:
            continue
        if "%" in cells[1] and "–" not in cells[1] and not cells[1].startswith(("−", "Δ")):
            rows.append(["", "", "", ""])
        rows[-1] = [f"{known} {more}".strip() for known, more in zip(rows[-1], cells, strict=True)]
    return rows


def of_seed(folder, seed, epochs=1):
    """Give a run a recipe, and a seed."""
    (folder / "recipe.yaml").write_text(RECIPE.format(seed=seed, epochs=epochs))
    (folder / "run.json").write_text(json.dumps(RUN | {"seed": seed}))
    return folder


def break_first(folder, count):
    """Let an attack break the first examples of a run, which had withstood."""
    kept = {"clean": 196, "attacked": 180 - count, "certified": 150 - count}
    file = folder / "evaluation/summary.json"
    shares = {name: share(number, EXAMPLES) for name, number in kept.items()}
    file.write_text(json.dumps(json.loads(file.read_text()) | shares))
    for file in (folder / "evaluation/records").iterdir():
        broken = pl.when(pl.col("index") < count).then(pl.lit("Square")).otherwise("broken_by").alias("broken_by")
        pl.read_parquet(file).with_columns(broken).write_parquet(file)
    return folder


def test_a_run_has_its_training_and_shares_with_exact_intervals(make_run, printed):
    (first, second), rest = printed(of_seed(make_run("[a]"), 3), make_run("b"))
    assert first.startswith("[a] Certified (Interval) seed 3 0.3 min 166,406 parameters 98.00 % 94.9")
    assert "90.00 % 84.97 – 93.79 % 75.00 % 68.4" in first
    assert second.startswith("b seed 7 0.3 min")
    assert rest == ""


def test_differences_to_the_first_are_paired(make_run, printed):
    (first, second), _ = printed(make_run("a"), break_first(make_run("b"), 20))
    assert "Δ" not in first
    low, high = (100 * end for end in paired_interval(0, 20, EXAMPLES))
    changes = re.findall(r"Δ ([+−][\d.]+) ([+−][\d.]+) to ([+−][\d.]+)", second)
    numbers = [[float(number.replace("−", "-")) for number in change] for change in changes]
    assert [change[0] for change in numbers] == [0.0, -10.0, -10.0]
    for _, lowest, highest in numbers[1:]:
        assert lowest <= low <= lowest + 0.01
        assert highest - 0.01 <= high <= highest
        assert highest < 0


@pytest.mark.parametrize(
    ("changes", "about", "reason"),
    [
        ({"threat": "l2 eps 0.5"}, {}, "its threat is l2 eps 0.5, not linf eps 0.1"),
        (smoothed(threat="linf eps 0.1"), {}, "its subject is smoothed network, not network"),
        ({}, {"dataset": "Fashion"}, "its data set is Fashion, not MNIST"),
        (
            {"threat": "l1 \x1b[31m"},
            {"dataset": "X"},
            r"its threat is l1 \x1b[31m, not linf eps 0.1 and its data set is",
        ),
    ],
)
def test_what_answers_another_question_is_not_compared(make_run, printed, changes, about, reason):
    other = make_run("b", **changes)
    (other / "run.json").write_text(json.dumps(RUN | about))
    rows, rest = printed(make_run("a"), other)
    assert not any("Δ" in row for row in rows)
    assert rest.startswith(f"b is not compared with a: {reason}")


def test_other_examples_are_not_compared(make_run, printed):
    other = make_run("b")
    for file in (other / "evaluation/records").iterdir():
        pl.read_parquet(file).with_columns(pl.col("index") + 1).write_parquet(file)
    _, rest = printed(make_run("a"), other)
    assert rest == "b is not compared with a: its 200 examples are not the same as those 200."


def test_other_inputs_of_the_same_labels_are_not_compared(make_run, printed):
    folders = [make_run(name) for name in "abc"]
    for folder, inputs in zip(folders, ("sha256:1", "sha256:2", "sha256:1"), strict=True):
        (folder / "evaluation/plan.json").write_text(json.dumps({"identity": 2, "inputs": inputs}))
    rows, rest = printed(*folders)
    assert ["Δ" in row for row in rows] == [False, False, True]
    assert rest.startswith("b is not compared with a: its 200 examples are not the same")


def test_other_data_of_an_evaluation_are_named(make_run, judge, printed):
    folder = make_run("a")
    judge(folder, "shifted", "threat: {eps: 0.1}\ndata: {class: datasets.NpzFile, path: shifted.npz}\n")
    rows, rest = printed(folder)
    assert not any("Δ" in row for row in rows)
    data = "class=datasets.NpzFile, path=shifted.npz (trained on MNIST)"
    assert rest == f"a: shifted is not compared with a: its data set is {data}, not MNIST."


def test_the_mean_over_seeds_is_a_row_of_its_own(make_run, printed):
    folders = [of_seed(make_run(name), seed) for name, seed in (("a", 0), ("b", 1), ("c", 2))]
    break_first(folders[1], 10)
    break_first(folders[2], 20)
    *_, mean = printed(*folders, of_seed(make_run("d"), 3, epochs=9))[0]
    # 180, 170 and 160 of 200 withstand: 85 % on average, and 5 points of standard deviation
    assert mean == (
        "mean of a, b, c Certified (Interval) seeds 0, 1, 2 0.3 min on average "
        "98.00 % ± 0.00 85.00 % ± 5.00 70.00 % ± 5.00"
    )


def test_evaluations_of_one_run_are_compared_with_its_own(make_run, judge, printed):
    folder = make_run("a")
    judge(folder, "strong")
    judge(folder, "far", threat="linf eps 0.3")
    rows, rest = printed(folder)
    assert [row.partition(" seed")[0] for row in rows] == ["a", "a: far", "a: strong"]
    assert ["Δ" in row for row in rows] == [False, False, True]
    assert rest == "a: far is not compared with a: its threat is linf eps 0.3, not linf eps 0.1."


def test_what_was_not_measured_is_a_dash(make_run, printed):
    rows, _ = printed(make_run("a"), make_run("b", certified=None))
    assert rows[1].endswith(" –")


def test_nothing_is_cut_off_on_a_narrow_terminal(make_run, printed):
    rows, _ = printed(of_seed(make_run("a" * 60), 3), make_run("b"), width=80)
    assert "…" not in " ".join(rows)
    assert rows[0].replace(" ", "").startswith("a" * 60)
    assert "84.97 – 93.79 %" in rows[0]


@pytest.mark.parametrize("number", [0, 1])
def test_one_run_is_no_comparison(make_run, number):
    with pytest.raises(InputError, match=f"here is {number}: pass more folders.*--as NAME"):
        print_comparison([make_run()][:number], Console())
