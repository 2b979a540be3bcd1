"""Accuracies of several runs against the radius, in one figure."""

import re
from xml.etree import ElementTree

import pytest

from hauberk.reports.compared_curves import comparable, draw_compared_curves, points
from hauberk.reports.html import write_report
from hauberk.reports.run_files import read_run
from reports.synthetic import accuracies

NO_PROOF = {"certified": None}


def curve(*attacked, proven=True):
    """A curve at radii 0.1, 0.2, ...; of 100 examples 98 are clean."""
    found = [accuracies((number + 1) / 10, 98, count, min(count, 20), 100) for number, count in enumerate(attacked)]
    return found if proven else [point | NO_PROOF for point in found]


@pytest.fixture
def named(make_run):
    """A function that makes a run with a curve and returns its name and summary."""

    def named(name, attacked=(90, 40), proven=True, **changes):
        return name, read_run(make_run(name, curve=curve(*attacked, proven=proven), **changes)).summary

    return named


def names(groups):
    return [[name for name, _ in group] for group in groups]


def test_runs_of_one_kind_of_subject_and_threat_are_comparable(named):
    same = [named("a", threat="linf eps 0.1"), named("b", threat="linf eps 0.3")]
    other = [named("c", threat="l2 eps 0.1"), named("d", subject="smoothed network")]
    assert names(comparable([*same, *other])) == [["a", "b"]]
    assert comparable([same[0], *other]) == []


def test_costs_of_transport_are_drawn_together(named):
    runs = [named("p = 1", threat="Wasserstein eps 0.1"), named("p = 2", threat="Wasserstein, other cost, eps 0.1")]
    assert names(comparable(runs)) == [["p = 1", "p = 2"]]


def test_a_run_without_a_curve_is_left_out(named):
    assert names(comparable([named("a"), named("b", attacked=()), named("c")])) == [["a", "c"]]


def test_attacked_accuracy_begins_with_the_clean_one(named):
    _, summary = named("a")
    assert [(radius, share.count) for radius, share in points(summary, "attacked")] == [(0, 98), (0.1, 90), (0.2, 40)]
    assert [(radius, share.count) for radius, share in points(summary, "certified")] == [(0.1, 20), (0.2, 20)]


def test_every_run_has_its_line_and_its_name(named):
    runs = [named(f"run {number}", proven=number > 0) for number in range(9)]
    svg = draw_compared_curves(runs, "accuracies-1")
    ElementTree.fromstring(svg)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"attacked accuracy", "certified accuracy", "radius eps", *(name for name, _ in runs)} <= set(texts)
    assert "run 0 attacked 40.0% at 0.2; " in svg
    assert "run 0 certified" not in svg
    lines = re.findall(r'style="fill: none; ([^"]*series-\d[^"]*)"', svg)
    assert len(set(lines)) == 9


def test_what_nobody_measured_has_no_panel(named):
    svg = draw_compared_curves([named("a", proven=False), named("b", proven=False)], "here")
    assert "certified" not in svg


def test_the_page_of_several_runs_has_the_figure(make_run, tmp_path):
    runs = [make_run(name, curve=curve(90, 40), threat="Wasserstein eps 0.5") for name in ("standard", "binarised")]
    page = write_report(runs, tmp_path / "several.html").read_text(encoding="utf-8")
    assert 'id="accuracies-1"' in page
    assert "Computed on the first 100 test examples of each run, attacked by PGD-40, one restart;" in page
    assert "Radii are those of Wasserstein eps 0.5,\nscaled." in page
    alone = write_report(runs[:1], tmp_path / "alone.html").read_text(encoding="utf-8")
    assert "accuracies-1" not in alone
