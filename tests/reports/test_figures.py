"""The figures: what the SVG says, and that it stays inside its page."""

import re
from xml.etree import ElementTree

import matplotlib
import polars as pl
import pytest

from hauberk.reports.figures import (
    attack_distances,
    central_range,
    draw_bounds,
    draw_curves,
    draw_distances,
    draw_layers,
)
from hauberk.reports.learning_curves import draw_compared_trainings, draw_course, draw_learning_curves
from hauberk.reports.run_files import Layer, read_run
from hauberk.reports.svg import COLOURS
from reports.synthetic import accuracies, attack_row


@pytest.fixture
def run(make_run):
    return read_run(make_run())


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_figures_are_well_formed_and_follow_the_page(run):
    svgs = [
        draw_curves(run.summary, "a"),
        draw_learning_curves(run.training, True, "b"),
        *draw_course(run.training, "f"),
        draw_compared_trainings([("one", run.training, True)] * 4, "g"),
        draw_layers(run.layers, "c"),
        draw_bounds(run.records["lower"].drop_nulls(), "d"),
        draw_distances(run.summary, attack_distances(run.summary, run.records), "e"),
    ]
    ids = []
    for svg in svgs:
        ElementTree.fromstring(svg)
        assert 'role="img" aria-label="' in svg
        assert "<style" not in svg
        assert "http" not in svg
        assert not [colour for colour in COLOURS.values() if colour in svg]
        own = re.findall(r'\bid="([^"]+)"', svg)
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= set(own)
        ids += own
    assert len(ids) == len(set(ids))


def test_drawing_is_repeatable_and_leaves_matplotlib_as_it_was(run):
    before = dict(matplotlib.rcParams)
    assert draw_curves(run.summary, "a") == draw_curves(run.summary, "a")
    assert dict(matplotlib.rcParams) == before


def test_curves_name_the_measures_and_the_headline_radius(run):
    svg = draw_curves(run.summary, "a")
    assert {"clean", "attacked", "certified", "eps 0.1", "radius eps"} <= set(texts(svg))
    assert "at eps 0.2, clean 98.0%, attacked 70.0%, certified 20.0%" in svg
    assert all(f"var(--{name})" in svg for name in ("clean", "attacked", "certified"))


def test_a_single_radius_is_drawn(make_run):
    assert "certified" in texts(draw_curves(read_run(make_run(curve=[accuracies(0.1, 90, 50, 0)])).summary, "a"))


def test_curves_leave_out_what_was_not_measured(make_run):
    points = [accuracies(eps, 98, 95, 90, 100) | {"certified": None} for eps in (0.05, 0.2)]
    svg = draw_curves(read_run(make_run(curve=points)).summary, "a")
    assert {"clean", "attacked"} <= set(texts(svg))
    assert "certified" not in svg.replace("var(--certified)", "")
    assert "var(--certified)" not in svg


def test_names_of_layers_are_text(run):
    names = ["$\\frac$", "<script>", '"&']
    svg = draw_layers([Layer(name, 10, 0.2, 0.5, 0.3) for name in names], "c")
    assert [row.text for row in ElementTree.fromstring(svg).iter("text") if row.text in names] == names


def test_long_names_of_layers_leave_room_for_the_bars():
    svg = draw_layers([Layer("features.stage3.block2." * 9 + "relu", 10, 0.2, 0.5, 0.3)], "c")
    (name,) = [text for text in texts(svg) if text.startswith("…")]
    assert name.endswith("relu")


def test_bounds_on_both_sides_of_zero(run):
    bounds = run.records["lower"].drop_nulls()
    svg = draw_bounds(bounds, "d")
    assert "150 of 196 lie above zero" in svg
    assert {"proven", "not proven"} <= set(texts(svg))
    assert "not proven" not in texts(draw_bounds(bounds.filter(bounds > 0), "d"))


@pytest.mark.parametrize("values", [[0.0], [-3.0, -3.0], [2.5], [-1e30, 1.0, 2.0]])
def test_bounds_of_any_spread(values):
    assert "images" in texts(draw_bounds(pl.Series(values, dtype=pl.Float32), "d"))


def test_the_central_range_leaves_out_outliers():
    low, high = central_range(pl.Series([-1e9, *([1.0] * 500), 2.0, *([3.0] * 500), 1e9]))
    assert (low, high) == (1.0, 3.0)


def test_curves_of_distances_are_of_attacks_on_the_same_examples(run):
    distances = attack_distances(run.summary, run.records)
    assert {name: len(series) for name, series in distances.items()} == {
        "PGD-40 x 3": 14,
        "Square": 9,
        "all attacks": 16,
    }
    assert all(series.is_sorted() for series in distances.values())
    svg = draw_distances(run.summary, distances, "e")
    assert {*distances, "eps 0.1", "distance of the nearest misclassified point found"} <= set(texts(svg))


def test_the_only_attack_is_drawn_once(make_run):
    content = [attack_row("PGD-40 x 3", 14, 14, 182)]
    run = read_run(make_run(attacks=content))
    assert list(attack_distances(run.summary, run.records)) == ["PGD-40 x 3"]


def test_attacks_on_survivors_are_drawn_together(make_run):
    content = [attack_row(name, 8, 8, 180, alone=None) for name in ("PGD-40 x 3", "Square")]
    run = read_run(make_run(attacks=content))
    assert list(attack_distances(run.summary, run.records)) == ["all attacks"]


def test_attacks_within_a_fixed_radius_have_no_distances_worth_a_figure(make_run):
    fixed = attack_row("PGD-40 x 3", 14, 14, 182, minimum_distance=False)
    nearest = attack_row("Square", 2, 9, 187, minimum_distance=True)
    run = read_run(make_run(attacks=[fixed]))
    assert not run.summary.measured
    assert attack_distances(run.summary, run.records) == {}
    run = read_run(make_run("both", attacks=[fixed, nearest]))
    assert list(attack_distances(run.summary, run.records)) == ["PGD-40 x 3", "Square", "all attacks"]
    run = read_run(make_run("none", attacks=[fixed, nearest | {"found": 0}]))
    assert attack_distances(run.summary, run.records) == {}
