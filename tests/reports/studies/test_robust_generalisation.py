"""Bounds on the robust test error in words: what they say, or that they say nothing and what it would take."""

import polars as pl
import pytest

from hauberk.reports.studies import draw_study
from hauberk.reports.study_files import StudyFile

FACTS = {"threat": "linf eps 0.1", "confidence": "95 %", "tensors": "4", "largest": "10"}


def drawn(tmp_path, *rows):
    """Return the illustration of rows of slack, margin error, complexity, and examples needed, of 200 examples."""
    columns = ["slack", "step", "margin_error", "complexity", "bound", "vacuous", "needed"]
    rows = [(slack, slack / 10, share, size, share + size, share + size >= 1, n) for slack, share, size, n in rows]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    table = table.with_columns(parameters=300, examples=200, unseen=10, unseen_error=0.125)
    return draw_study(StudyFile(tmp_path / "a.parquet", "RobustGeneralisation", FACTS, table, "again."), "here")


def test_a_bound_that_says_something(tmp_path):
    found = drawn(tmp_path, (0.1, 0.25, 0.5, 5000), (0.2, 0.3, 0.0123456, 4))
    assert found.caption == (
        "With a confidence of 95 %, at most 31.24 % of unseen inputs have a misclassified point within linf eps 0.1: "
        "30.00 % of 200 training examples have no certificate at the radius plus 0.2, and the complexity of 300 "
        "parameters in 4 tensors, none above 10 in size, is 0.01235. For comparison, 12.50 % of the 10 evaluated "
        "examples have no certificate at the radius itself."
    )
    assert found.table[1:] == [
        ["0.1", "25.00 %", "0.5", "0.75", "5,000"],
        ["0.2", "30.00 %", "0.01235", "0.3123", "4"],
    ]


def test_a_vacuous_bound_says_what_it_would_take(tmp_path):
    found = drawn(tmp_path, (0.1, 0.25, 2.0, 80_000), (0.2, 0.5, 1.5, 45_000))
    assert "The bound is vacuous" in found.caption
    assert "their sum is 2." in found.caption
    assert "prove nothing of errors on unseen inputs within linf eps 0.1" in found.caption
    assert "takes 45,000 examples, 225 times as many, or about 1 parameters" in found.caption
    assert "which is vacuous" in found.figure


def test_margins_that_are_too_small_are_no_matter_of_examples(tmp_path):
    found = drawn(tmp_path, (0.1, 0.99, 0.05, 50))
    assert "No number of examples makes up for margins this small." in found.caption
    assert "To bring the complexity down" not in found.caption


@pytest.mark.parametrize("needed", [0, 1, 200, 10**12])
def test_all_counts_are_drawn(tmp_path, needed):
    assert "<path" in drawn(tmp_path, (0.1, 1.0, 0.5, needed)).figure
