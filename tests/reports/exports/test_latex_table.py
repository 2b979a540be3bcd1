"""A LaTeX table: its rows, and names that mean something to LaTeX."""

import re

import pytest

from hauberk.reports.exports.latex_table import ESCAPES, escaped, latex_table
from hauberk.reports.run_files import read_runs


def body(*folders):
    return latex_table(read_runs(folders)).partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()


def test_a_row_has_shares_with_their_exact_intervals(make_run, judge):
    folder = make_run(certified=None)
    judge(folder, "strong")
    first, second = body(folder)
    assert re.fullmatch(
        r"small & linf eps 0\.1 & 200 & 98\.00 \{\\footnotesize \[94\.\d\d, 99\.\d\d\]\} & "
        r"90\.00 \{\\footnotesize \[84\.97, 93\.79\]\} & -- \\\\",
        first,
    )
    assert second.startswith("small: strong & ")
    assert second.count("&") == first.count("&") == 5


def test_the_confidence_of_the_intervals_is_said(make_run):
    text = latex_table(read_runs([make_run()]))
    assert "% of 95 percent" in text
    assert next(line for line in text.splitlines() if line[0] != "%") == "\\begin{tabular}{llrrrr}"


def test_names_are_shown_as_they_are(make_run):
    threat = "100 % of $x_1 & #2 \\ ~^{a}\n\\input{secret} \x1b"
    (row,) = body(make_run("[a] & b%", threat=threat))
    assert row.startswith(r"{[}a{]} \& b\% & 100 \% of \$x\_1 \& \#2 \textbackslash{} \textasciitilde{}")
    assert r"\textbackslash{}input\{secret\} & 200" in row


@pytest.mark.parametrize("character", "\\~^{}$&#%_<>|")
def test_no_character_keeps_its_meaning(character):
    assert escaped(f"a{character}b") == f"a{ESCAPES[character]}b"
    assert character not in re.sub(r"\\[a-z]+\{\}|\\.", "", escaped(character))
