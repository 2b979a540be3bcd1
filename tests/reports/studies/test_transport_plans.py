"""Flows of mass as arrows, in a figure of its own for each study."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from hauberk.reports.studies import draw_study
from hauberk.reports.studies.transport_plans import CHANNELS, ONLY, draw_flows
from hauberk.reports.study_files import read_studies
from hauberk.reports.svg import drawing

FACTS = {"attack": "PGD", "threat": "Wasserstein eps 0.3", "least": "1e-06", "unit": "px"}
FLOW = {"channel": 0, "row": 0, "column": 1, "to_row": 2, "to_column": 0, "share": 0.1}


def example(number, channels=1, flows=(FLOW,), **changes):
    """The rows of an example whose image is brightest at its end."""
    side = {"channel": channels, "row": 3, "column": 2}
    places = [dict(zip(side, place, strict=True)) for place in np.ndindex(*side.values())]
    pixels = [{"part": "pixel", "clean": i / 6 / channels, "attacked": 0.5, **at} for i, at in enumerate(places)]
    own = {"part": "example", "label": 2, "answer": 3, "radius": 0.3, "cost": 0.29, "moved": 0.4, "left_out": 0.0}
    own |= {"gap": 0.0, **changes}
    return [{"example": number, **row} for row in (*pixels, *({"part": "flow", **flow} for flow in flows), own)]


@pytest.fixture
def drawn(tmp_path):
    """A function that writes examples as a study's file and draws it."""

    def drawn(*examples, **facts):
        table = pl.from_dicts([row for rows in examples for row in rows], infer_schema_length=None)
        metadata = {"study": "TransportPlans", "place": "0", "facts": json.dumps(FACTS | facts)}
        types = {"to_row": pl.Int64, "to_column": pl.Int64, "share": pl.Float64}  # of columns without flows
        absent = [pl.lit(None, kind).alias(name) for name, kind in types.items() if name not in table.columns]
        table.with_columns(absent).write_parquet(tmp_path / "plans.parquet", metadata=metadata)
        return draw_study(read_studies(tmp_path, "again.")[0], "here")

    return drawn


def texts(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure)


def test_each_example_is_a_row_of_three_images_with_its_answer_radius_and_cost(drawn):
    found = drawn(example(0), example(4, answer=2, cost=0.25), example(5, answer=-1))
    assert found.wide
    assert texts(found.figure) == [
        "2 → 3, radius 0.3 px, cost used 0.29", "attacked", "flows of mass",
        "2 withstood, radius 0.3 px, cost used 0.25", "2 → none, radius 0.3 px, cost used 0.29",
    ]  # fmt: skip
    ElementTree.fromstring(found.figure)
    assert found.figure.count("<image ") == 9
    assert found.figure.count(ONLY) == 3
    assert "The first 3 test examples" in found.caption
    assert "; 1 withstood." in found.caption


def test_flows_of_colour_images_have_the_colours_of_their_channels(drawn):
    found = drawn(example(0, 3, [FLOW | {"channel": channel} for channel in (0, 1, 1, 2)]))
    assert [found.figure.count(colour) for colour in CHANNELS] == [1, 2, 1]
    assert ONLY not in found.figure


def test_a_black_image_and_an_attack_that_moves_nothing_have_no_arrow(drawn):
    found = drawn(example(0, flows=(), answer=2, cost=0.0, moved=0.0))
    assert ONLY not in found.figure
    assert texts(found.figure)[0] == "2 withstood, radius 0.3 px, cost used 0"


def test_other_costs_have_no_unit(drawn):
    found = drawn(example(0), unit="")
    assert texts(found.figure)[0] == "2 → 3, radius 0.3, cost used 0.29"
    assert "the threat's cost of moving" in found.caption


def test_arrows_go_from_where_mass_leaves_to_where_it_arrives_the_largest_on_top():
    flows = pl.DataFrame([FLOW | {"share": share} for share in (0.4, 0.1, 0.005)])
    with drawing(3, 3) as (_, axes):
        draw_flows(axes, flows, 1)
    (arrows,) = axes.collections
    assert arrows.XY.tolist() == [[1, 0], [1, 0]]  # x is the column; the least flow is below 5 % of what moves
    assert (arrows.U.tolist(), arrows.V.tolist()) == ([-1, -1], [2, 2])
    assert np.asarray(arrows.get_alpha()).tolist() == pytest.approx([0.5, 1])
