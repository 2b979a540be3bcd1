"""Numbers as people read them, and the table in a terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from hauberk.reports.accuracies import Share, sure
from hauberk.reports.tables import (
    attack_table,
    duration,
    headline_line,
    percent_interval,
    points,
    points_interval,
    print_headline,
    read,
)
from reports.synthetic import attack_row, summary


def test_headline_line():
    assert headline_line(summary(), 546.0, Path("runs/small/report.html")) == (
        "clean 98.0 % | attacked 90.0 % | certified 75.0 % | linf eps 0.1 | 200 examples | 9.1 min "
        "| report runs/small/report.html"
    )


def test_what_nothing_looked_for_is_no_zero():
    console, content = Console(width=110, file=io.StringIO()), summary(verifiers=[])
    assert "certified" not in headline_line(content, 546.0, Path("report.html"))
    print_headline(content, console)
    line = next(line for line in console.file.getvalue().splitlines() if "certified" in line)
    assert "no proof was tried" in line
    assert "%" not in line


REFUSED = {"certified": "not applicable: no bound is known for mish."}


def test_what_did_not_apply_is_said_with_its_reason_and_is_no_figure():
    console = Console(width=300, file=io.StringIO())
    content = summary(certified=None, attacked=None, not_applicable=REFUSED | {"attacked": "not applicable: no set."})
    content |= {"attacks": [attack_row("PGD", 0, 0, 0, not_applicable="no set.")], "verifiers": []}
    assert headline_line(content, 546.0, Path("report.html")).startswith(
        "clean 98.0 % | attacked not applicable: no set. | certified not applicable: no bound is known for mish. | linf"
    )
    print_headline(content, console)
    for name, reason in content["not_applicable"].items():
        line = next(line for line in console.file.getvalue().splitlines() if name in line.split())
        assert reason in line
        assert "%" not in line
    assert attack_table(read(content)).total is None


def test_parts_of_attacks_that_were_left_out_are_told():
    console = Console(width=200, file=io.StringIO())
    content = summary(attacks=[attack_row("Ensemble", 14, 14, 182, remarks=["Square is left out: [no] images."])])
    print_headline(content, console)
    assert "Ensemble: Square is left out: [no] images." in console.file.getvalue()
    assert attack_table(read(content)).rows[0].meaning == "white box. Square is left out: [no] images"


def test_headline_table_as_text():
    console = Console(width=110, file=io.StringIO())
    print_headline(summary(threat="linf eps 0.1 [bold]within [0, 1]"), console)
    text = console.file.getvalue()
    assert "linf eps 0.1 [bold]within [0, 1] | 200 examples | network" in text
    for cells in [("clean", "196", "98.00 %"), ("attacked", "180", "90.00 %"), ("certified", "150", "75.00 %")]:
        line = next(line for line in text.splitlines() if cells[0] in line.split())
        assert all(cell in line for cell in cells)
    assert "exact 95 % interval" in text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.98201, 0.98209, "98.20 – 98.21 %"),
        (0.29, 0.57, "29.00 – 57.00 %"),
        (0.0, 1.0, "0.00 – 100.00 %"),
        (0.12345, 0.99996, "12.34 – 100.00 %"),
    ],
)
def test_intervals_are_rounded_outward(low, high, text):
    assert percent_interval(Share(1, (low + high) / 2, low, high)) == text


@pytest.mark.parametrize(("seconds", "text"), [(2.04, "2.0 s"), (119, "119.0 s"), (546, "9.1 min"), (9000, "2.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_differences_are_in_points_with_their_sign_and_rounded_outward():
    assert [points(0.0325), points(-0.1), points(0.0)] == ["+3.25", "−10.00", "+0.00"]
    assert points_interval(-0.01234, 0.12341) == "−1.24 to +12.35"
    assert points_interval(0.29, 0.57) == "+29.00 to +57.00"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (0.0, "100 %"),
        (0.5, "50 %"),
        (0.001, "99.9 %"),
        (1e-7, "99.99999 %"),
        (1e-12, "99.9999999999 %"),
        (0.003, "99.7 %"),
    ],
)
def test_only_certainty_is_100_percent(failure: float, text: str):
    assert sure(1 - failure) == text
