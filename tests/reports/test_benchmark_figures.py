"""Figures of benchmarks from tables whose facts are known."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from hauberk.errors import InputError
from hauberk.reports.benchmark_figures import FIGURES
from hauberk.reports.svg import COLOURS

UNITS = np.array([100, 200, 400, 800])
TABLES = {
    "duality-gap": pl.DataFrame({"lp": [0.0, 1.0, 2.0], "dual": [-0.5, 0.5, 2.0], "network": ["a <b>", "a <b>", "c"]}),
    "relative-errors": pl.DataFrame(
        {"r": [10] * 4 + [50] * 4, "relative_error": [-1.0, 1, -1, 1, -0.1, 0.1, -0.1, 0.1]}
    ),
    "error-against-r": pl.DataFrame(
        {"r": [0, 10, 50], "robust_error": [0.1, 0.2, 0.15], "standard_error": [0.0, 0.1, 0.1]}
    ),
    "scaling": pl.concat(
        [
            pl.DataFrame(
                {"hidden_units": UNITS, "method": "exact", "seconds": 1e-6 * UNITS**2, "bytes": 8.0 * UNITS**2}
            ),
            pl.DataFrame({"hidden_units": UNITS, "method": "projected", "seconds": 1e-3 * UNITS, "bytes": 8.0 * UNITS}),
        ]
    ),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_well_formed_and_follow_the_page(figure):
    svg = FIGURES[figure](TABLES[figure])
    ElementTree.fromstring(svg)
    assert 'role="img" aria-label="' in svg
    assert "mathdefault" not in svg
    assert not [colour for colour in COLOURS.values() if colour in svg]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_missing_column_or_row_is_named(figure):
    table = TABLES[figure]
    with pytest.raises(InputError, match=table.columns[0]):
        FIGURES[figure](table.drop(table.columns[0]))
    with pytest.raises(InputError, match="rows"):
        FIGURES[figure](table.clear())


def test_gaps_are_means_a_network():
    svg = FIGURES["duality-gap"](TABLES["duality-gap"])
    assert "a &lt;b&gt; 0.5, c 0" in svg


def test_slopes_are_fitted():
    svg = FIGURES["scaling"](TABLES["scaling"])
    assert svg.count(">exact, slope 2.00<") == svg.count(">projected, slope 1.00<") == 2


def test_one_size_has_no_slope():
    svg = FIGURES["scaling"](TABLES["scaling"].filter(pl.col("hidden_units") == 100))
    assert "slope" not in re.sub("aria-label=.*?>", "", svg)
    assert "exact" in svg


def test_standard_error_and_the_exact_bound_may_be_missing():
    svg = FIGURES["error-against-r"](TABLES["error-against-r"].filter(pl.col("r") > 0).drop("standard_error"))
    assert "with the exact bound" not in svg
    assert "standard error<" not in svg


def test_the_command_writes_a_file_that_stands_alone(tmp_path, monkeypatch):
    TABLES["scaling"].write_csv(tmp_path / "scaling.csv")
    monkeypatch.setattr(
        "sys.argv", ["plots.py", "scaling", *(str(tmp_path / f"scaling.{kind}") for kind in ("csv", "svg"))]
    )
    runpy.run_path(str(Path(__file__).parents[2] / "benchmarks/plots.py"), run_name="__main__")
    text = (tmp_path / "scaling.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    used, defined = set(re.findall(r"var\((--[\w-]+)\)", text)), set(re.findall(r"(--[\w-]+):", text))
    assert used <= defined
    assert "prefers-color-scheme: dark" in text
