"""Certified accuracy by radius: curves, tables and figures, against counts made by hand."""

import re
from math import inf
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from hauberk.evaluation.statistics import interval
from hauberk.reports.radius_curves import RadiusCurve, radius_table, round_radii
from hauberk.reports.radius_figures import draw_compared_radii, draw_radius_curve, draw_steps
from hauberk.reports.run_files import read_run
from hauberk.reports.svg import drawing
from hauberk.reports.tables import percent
from reports.synthetic import attack_row, smoothed, with_radii


@pytest.fixture
def make_curve(make_run):
    """A function that makes a run with radii and returns its curve."""
    return lambda name="small", **changes: RadiusCurve.of(read_run(with_radii(make_run(name, **changes))), name)


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_counts_at_a_radius_include_those_proven_exactly_there(make_curve):
    curve = make_curve(norm="l_inf")
    assert [curve.count(radius) for radius in (0, 0.05, 0.06, 0.1, 0.15, 0.25)] == [180, 180, 150, 150, 100, 0]
    assert curve.count(0.1) == curve.summary.certified.count
    assert (curve.attacked > 0.1).sum() == curve.summary.attacked.count
    assert curve.whole


def test_no_radius_no_curve(make_run, make_curve):
    assert RadiusCurve.of(read_run(make_run("none", norm="l_inf")), "none") is None
    assert make_curve("no norm", norm="") is None
    assert make_curve("no proof", norm="l_inf", verifiers=[]) is None


def test_proofs_of_verifiers_without_radii_count_up_to_the_threats(make_run):
    folder = with_radii(make_run(norm="l_inf"))
    file = folder / "evaluation/records/000000000.parquet"
    radius = pl.when(pl.col("index") < 10).then(None).otherwise("radius")
    pl.read_parquet(file).with_columns(radius=radius).write_parquet(file)
    curve = RadiusCurve.of(read_run(folder), "some")
    assert not curve.whole
    assert (curve.count(0.1), curve.count(0.1001)) == (150, 140)


def test_the_table_has_exact_intervals_and_leaves_out_what_may_be_wrong(make_curve):
    heading, *rows = radius_table(make_curve(**smoothed()))
    between = "exact 95 % interval"
    assert heading == ["radius", "certified", between, "at least, with 99.9 %", "attacked", between]
    assert [row[0] for row in rows] == ["0", "0.05", "0.1", "0.15", "0.2"]
    assert [row[1] for row in rows] == [percent(count / 200) for count in (180, 180, 150, 100, 50)]
    assert [row[3] for row in rows] == [percent(count / 200) for count in (178, 178, 148, 98, 48)]
    assert rows[2][4] == "90.00 %"
    low, high = interval(150, 200)
    shown = [float(end) for end in re.findall(r"[\d.]+", rows[2][2])]
    assert shown[0] <= low * 100 < shown[0] + 0.01
    assert shown[1] - 0.01 < high * 100 <= shown[1]
    plain = make_curve("plain", norm="l_inf", attacks=[attack_row("PGD", 16, 16, 180, minimum_distance=False)])
    assert radius_table(plain)[0] == ["radius", "certified", between]


@pytest.mark.parametrize("largest", [0.07, 0.3, 0.754, 1.0, 3.2, 17.0])
def test_radii_in_the_table_are_few_round_and_reached(largest):
    found = round_radii(largest)
    assert 4 <= len(found) <= 9
    assert found[0] == 0
    assert found[-1] <= largest < found[-1] + found[1] - found[0]
    assert all(float(f"{radius:.6g}") == radius for radius in found)


def test_the_figure_names_norm_units_threat_and_all_three_curves(make_curve):
    svg = draw_radius_curve(make_curve(**smoothed()), "radii")
    shown = {"attacked", "certified", "at least, with confidence 99.9 %", "eps 0.1"}
    assert shown | {"l_2 radius, in units of the input", "share of the images"} <= set(texts(svg))
    assert "90.0% of 200 images at some radius, 75.0% at 0.1, none beyond 0.249" in svg
    assert svg == draw_radius_curve(make_curve("again", **smoothed()), "radii")


def test_the_steps_are_the_shares_with_a_larger_radius():
    radii = np.array([0.0, 0.3, 0.1, inf, 0.3])
    for fewer, shares in ((0, [0.8, 0.6, 0.4, 0.2]), (3, [0.2, 0.0, 0.0, 0.0])):
        with drawing(4, 3) as (_, axes):
            draw_steps(axes, radii, 0.5, fewer, label="x")
        (line,) = axes.lines
        x, y = line.get_xdata(), line.get_ydata()
        assert line.get_drawstyle() == "steps-post"
        assert x[:4].tolist() == [0.0, 0.1, 0.3, 0.3]
        assert x[-1] >= 0.5
        assert y[:4].tolist() == pytest.approx(shares)


def test_what_was_not_measured_is_not_drawn(make_curve):
    svg = draw_radius_curve(make_curve(norm="l_inf", attacks=[]), "radii")
    assert "attacked" not in texts(svg)
    assert "at least" not in svg


def test_curves_of_several_runs_share_a_scale_and_are_told_apart(make_curve):
    curves = [make_curve(f"run {number}", **smoothed()) for number in range(10)]
    svg = draw_compared_radii(curves, "radii-1")
    assert {*(curve.name for curve in curves), "eps 0.1"} <= set(texts(svg))
    looks = re.findall(r'style="fill: none; ([^"]*series-\d[^"]*)"', svg)
    assert len(set(looks)) == 10
    other = draw_compared_radii([curves[0], make_curve("other", **smoothed(eps=0.2))], "radii-1")
    assert not [text for text in texts(other) if text and text.startswith("eps")], "they have no radius in common"


def test_nothing_certified_is_still_drawn(make_run):
    folder = with_radii(make_run(norm="l_inf"))
    for file in (folder / "evaluation/records").iterdir():
        none = {"certified_by": pl.lit(None, pl.String), "radius": pl.lit(0.0, pl.Float32)}
        pl.read_parquet(file).with_columns(**none).write_parquet(file)
    curve = RadiusCurve.of(read_run(folder), "none")
    assert "0.0% of 200 images at some radius" in draw_radius_curve(curve, "radii")
    assert [row[1] for row in radius_table(curve)[1:]][:1] == ["0.00 %"]
