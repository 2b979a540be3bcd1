"""Each kind of study from a table whose figures are known."""

import base64
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread

from hauberk.errors import InputError
from hauberk.reports.studies import DRAWERS, TOGETHER, draw_studies, draw_study
from hauberk.reports.studies.first_layer_filters import mosaic
from hauberk.reports.studies.output_polytope import mean_widths, occupancy
from hauberk.reports.study_files import read_studies
from hauberk.reports.svg import COLOURS


def regions():
    axis = np.linspace(0, 1, 11)
    grid = [("grid", None, x, y, None, int(x > 0.5), None) for y in axis for x in axis]
    points = [
        ("point", 0, 0.2, 0.2, 0, 0, True),
        ("point", 1, 0.6, 0.5, 0, 1, False),
        ("point", 2, 0.9, 0.5, 1, 1, True),
    ]
    corners = [(-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1)]
    around = [("outline", p[1], p[2] + dx, p[3] + dy, None, None, None) for p in points for dx, dy in corners]
    names = ["part", "example", "first", "second", "label", "prediction", "certified"]
    return pl.DataFrame([*grid, *points, *around], schema=names, orient="row", infer_schema_length=None)


def polytope(networks=2):
    rows = []
    for network in range(networks):
        for eps in (0.1, 0.2):
            for part, size in (("true", eps), ("convex", 2 * eps), ("box", (3 if eps == 0.1 else 90) * eps)):
                side = 5 if part == "true" else 2
                square = [(x, y) for y in np.linspace(0, size, side) for x in np.linspace(0, 2 * size, side)]
                square = square if part == "true" else [square[i] for i in (0, 1, 3, 2)]
                rows += [(network, eps, part, x * (1 + network), y) for x, y in square]
    return pl.DataFrame(rows, schema=["network", "eps", "part", "first", "second"], orient="row")


def stability():
    rows = [(layer, f"conv{layer}", i, 10 - i - layer, i, layer) for layer in (0, 1) for i in range(8)]
    return pl.DataFrame(rows, schema=["layer", "name", "index", "inactive", "unstable", "active"], orient="row")


def filters():
    weights = np.arange(3 * 2 * 2 * 2).reshape(3, 2, 2, 2) - 4.0
    rows = [(*place, weights[place]) for place in np.ndindex(weights.shape)]
    return pl.DataFrame(rows, schema=["filter", "channel", "row", "column", "weight"], orient="row")


def radii():
    return pl.DataFrame({"label": [0, 1, 1, 0], "prediction": [0, 1, 0, 0], "radius": [0.1, 0.3, 0.2, 0.0]})


def changes(free=(4, 1, 0, 1, 4), pinned=(0, 0, 10, 0, 0)):
    edges = np.linspace(-1, 1, len(free) + 1)
    return pl.DataFrame({"low": edges[:-1], "high": edges[1:], "free": free, "pinned": pinned})


def generalisation():
    names = ["slack", "step", "margin_error", "complexity", "bound", "vacuous", "needed", "parameters", "examples"]
    rows = [(0.1, 0.01, 0.25, 2.0, 2.25, True, 80_000), (0.2, 0.02, 0.5, 1.5, 2.0, True, 45_000)]
    rows = [(*row, 300, 200, 10, 0.125) for row in rows]
    return pl.DataFrame(rows, schema=[*names, "unseen", "unseen_error"], orient="row")


def distances():
    rows = [("PGD", 0.0, True), ("PGD", 4.0, False), ("DDN", 0.5, True), ("DDN", 1.5, True)]
    return pl.DataFrame(rows, schema=["attack", "distance", "misled"], orient="row")


def tops():
    rows = [(1, 0.2, 100), (1, 0.0, 300), (5, 0.4, 100), (5, 0.3, 500)]
    return pl.DataFrame(rows, schema=["top", "radius", "samples"], orient="row")


def slopes_of_averages():
    return pl.DataFrame({"guarantee": [0.1, 0.2, 0.0], "estimate": [0.3, 0.2, 0.1]})


def plans():
    names = ["example", "part", "channel", "row", "column", "to_row", "to_column", "share", "clean", "attacked"]
    pixels = [(7, "pixel", 0, *divmod(i, 3), None, None, None, i / 6, 1 - i / 6) for i in range(6)]
    flow = (7, "flow", 0, 0, 1, 1, 2, 0.125, None, None)
    table = pl.DataFrame([*pixels, flow], schema=names, orient="row", infer_schema_length=None)
    example = {"example": 7, "part": "example", "label": 4, "answer": 9, "radius": 0.3, "cost": 0.29}
    example |= {"moved": 0.25, "left_out": 1e-7, "gap": 1e-6}
    return pl.concat([table, pl.DataFrame([example])], how="diagonal")


FACTS = {"threat": "linf eps 0.1", "verifier": "CROWN", "bounder": "BackwardLinear", "box": "Interval", "side": "11"}
FACTS |= {"attack": "PGD", "examples": "2", "withstood": "1"}
FACTS |= {"confidence": "95 %", "tensors": "4", "largest": "10"}
FACTS |= {"cap": "0.7", "redrawn": "2", "directions": "64", "layer": "0", "kind": "Conv2d", "outputs": "3"}
FACTS |= {"noise": "Gaussian noise, sigma 0.25", "norm": "l2", "samples": "90", "top": "5", "reach": "l2 eps 4"}
FACTS |= {"subject": "smoothed network", "unit": "px", "least": "1e-06"}
TABLES = {
    "AdversarialDistances": (
        distances,
        ["first 2 test examples", "within l2 eps 4", "PGD 1, DDN 0", "smoothed network"],
    ),
    "SmoothedRadii": (tops, ["first 2 test examples", "Gaussian noise, sigma 0.25", "250 votes", "95 %"]),
    "LBound": (slopes_of_averages, ["first 3 test examples", "5 leading classes", "90 samples", "proves nothing"]),
    "DecisionRegions": (regions, ["first 3 examples", "2 of them answered rightly", "2 of 3 CROWN", "linf eps 0.1"]),
    "OutputPolytope": (polytope, ["first of 2 networks", "11 by 11", "64 directions", "all 2 networks"]),
    "NeuronStability": (stability, ["first 8 test examples", "linf eps 0.1", "BackwardLinear"]),
    "FirstLayerFilters": (filters, ["first 3 of 3 outputs of layer 0 (Conv2d)", "2 by 2, 2 input channels", "+19"]),
    "PerturbationHistogram": (changes, ["first 2 test examples", "by PGD within linf eps 0.1", "within 40 % of it"]),
    "RobustGeneralisation": (generalisation, ["bound is vacuous", "50.00 % of 200 training", "300 parameters in 4"]),
    "TransportPlans": (
        plans,
        ["first 1 test examples", "by PGD within linf eps 0.1", "0 withstood", "25.0 %", "pixels"],
    ),
    "CertifiedRadii": (
        radii,
        ["first 4 test examples", "up to 0.7", "BackwardLinear", "median is 0.15", "1 example has"],
    ),
}


@pytest.fixture
def write(tmp_path):
    """A function that writes a study's file and reads it back."""

    def write(study, table, facts=FACTS, place=0, name="A study"):
        metadata = {"study": study, "place": str(place), "facts": json.dumps(facts)}
        table.write_parquet(tmp_path / f"{name}.parquet", metadata=metadata)
        return next(found for found in read_studies(tmp_path, "again.") if found.name == name)

    return write


def test_every_kind_is_tried_here():
    assert DRAWERS.keys() | TOGETHER.keys() == TABLES.keys()


@pytest.mark.parametrize("study", TABLES)
def test_figures_are_well_formed_follow_the_page_and_their_captions_say_what_they_show(study, write):
    table, words = TABLES[study]
    drawn = draw_study(write(study, table()), "here")
    for word in words:
        assert word in drawn.caption
    assert 'role="img" aria-label="' in drawn.figure
    assert not [colour for colour in COLOURS.values() if colour in drawn.figure]
    if study != "FirstLayerFilters":
        ElementTree.fromstring(drawn.figure)
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', drawn.figure)) <= set(
            re.findall(r'\bid="([^"]+)"', drawn.figure)
        )


@pytest.mark.parametrize("study", TABLES)
def test_a_missing_column_or_fact_or_row_is_named(study, write):
    table, _ = TABLES[study]
    with pytest.raises(InputError, match=rf"A study\.parquet lacks the columns {table().columns[-1]}: again"):
        draw_study(write(study, table().drop(table().columns[-1])), "here")
    with pytest.raises(InputError, match=r"A study\.parquet lacks the fact"):
        draw_study(write(study, table(), {}), "here")
    with pytest.raises(InputError, match="holds no row"):
        draw_study(write(study, table().clear()), "here")


def test_verdicts_have_their_colours(write):
    table = regions()
    svg = draw_study(write("DecisionRegions", table), "here").figure
    assert svg.count("var(--certified)") == 3  # two outlines and the legend
    assert svg.count("var(--wrong)") == 2
    assert "2 lie in the region of their label and 2 are proven" in svg


def test_widths_are_means_over_networks_and_axes(write):
    widths = mean_widths(polytope())
    assert widths[0.1, "true"] == pytest.approx((0.2 + 0.1 + 0.4 + 0.1) / 4)
    assert widths[0.2, "box"] == pytest.approx(90 * (0.4 + 0.2 + 0.8 + 0.2) / 4)
    drawn = draw_study(write("OutputPolytope", polytope()), "here")
    assert drawn.table[0][0] == "eps"
    assert drawn.table[1] == ["0.1", "0.2", "0.4", "0.6"]


def test_a_box_is_drawn_where_it_fits(write):
    assert "interval box" in re.sub("aria-label=.*?>", "", draw_study(write("OutputPolytope", polytope()), "a").figure)
    wide = polytope().filter(pl.col("eps") == 0.2)
    assert "interval box" not in re.sub("aria-label=.*?>", "", draw_study(write("OutputPolytope", wide), "a").figure)


def test_the_image_has_no_gaps_and_no_more_than_its_area():
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 17)), -1).reshape(-1, 2)
    sheared = grid @ np.array([[0.5, 0.25], [0.0, 0.25]])
    covered = occupancy(sheared, np.array([-0.25, -0.25]), np.array([0.75, 0.75]), bins=100)
    assert covered.mean() == pytest.approx(0.125, abs=0.015)
    assert covered[50, 50]  # (0.255, 0.255) lies in the middle
    assert not covered[:24].any()


def test_a_mosaic_puts_every_tile_at_its_place(write):
    tiles = np.arange(1, 6)[:, None, None, None] * np.ones((5, 2, 3, 4))
    sheet = mosaic(tiles, 2)
    assert sheet.shape == (3 * 3 - 1, 2 * 4 - 1, 4)
    assert (sheet[3:5, 4:7] == 4).all()
    assert (sheet[2] == 0).all()
    assert (sheet[6:, 4:] == 0).all()
    figure = draw_study(write("FirstLayerFilters", filters()), "here").figure
    pixels = imread(io.BytesIO(base64.b64decode(re.search('base64,([^"]+)', figure)[1])), format="png")
    assert pixels.shape[:2] in [(2, 14), (5, 9), (8, 4)]
    assert pixels[0, 0, 2] > pixels[0, 0, 0]  # the smallest weight is negative: blue
    assert pixels.reshape(-1, 4)[:, 3].max() == 1


def test_what_is_not_applicable_or_unknown_is_said_in_words(write):
    drawn = draw_study(write("DecisionRegions", pl.DataFrame(), {"not_applicable": "no <plane>"}), "here")
    assert (drawn.figure, drawn.caption) == (None, "Not applicable: no <plane>")
    assert "Novelty; its table is A study.parquet" in draw_study(write("Novelty", radii()), "here").caption


def test_studies_keep_the_order_of_the_recipe(write, tmp_path):
    for place, name in enumerate(("z", "m", "a")):
        write("CertifiedRadii", radii(), place=place, name=name)
    assert [study.name for study in read_studies(tmp_path, "")] == ["z", "m", "a"]
    assert read_studies(tmp_path / "absent", "") == []


def test_files_of_another_kind_are_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"a\.parquet does not hold the table of a study.*again"):
        read_studies(tmp_path, "again.")
    radii().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet does not hold the table of a study.*again"):
        read_studies(tmp_path, "again.")


def test_histograms_of_several_runs_share_one_scale_and_one_table(write):
    healthy = write("PerturbationHistogram", changes(), FACTS, name="healthy")
    collapsed = write("PerturbationHistogram", changes((1, 4, 0, 4, 1)), FACTS | {"withstood": "0"}, name="collapsed")
    ((id, title, drawn),) = draw_studies([("before", healthy), ("after", collapsed)], "here")
    assert (id, title) == ("here-PerturbationHistogram", "")
    assert drawn.table == [
        ["run", "withstood", "free changes at ±eps", "pinned changes"],
        ["before", "1", "80.0 %", "50.0 %"],
        ["after", "0", "20.0 %", "50.0 %"],
    ]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn.figure)
    assert {"before", "after", "free", "pinned by the valid range", "−eps", "eps"} <= set(texts)
    assert texts.count("50 %") == 2  # the tallest bar of both
    assert draw_study(healthy, "alone").table[0] == drawn.table[0][1:]  # a single run needs no name


def test_what_cannot_be_drawn_together_is_drawn_by_itself(write):
    drawn = write("PerturbationHistogram", changes(), FACTS, name="drawn")
    refused = write("PerturbationHistogram", pl.DataFrame(), {"not_applicable": "no ball"}, name="refused")
    other = write("CertifiedRadii", radii(), FACTS, name="other")
    found = draw_studies([("a", refused), ("b", drawn), ("c", other)], "here")
    assert [(id, title) for id, title, _ in found] == [
        ("here-PerturbationHistogram", ""), ("here-1", "a"), ("here-3", "c"),
    ]  # fmt: skip
    assert found[1][2].caption == "Not applicable: no ball"


def test_tables_under_curves_have_medians_means_and_largest_radii(write):
    drawn = draw_study(write("AdversarialDistances", distances()), "here")
    assert drawn.table == [
        ["", "misled", "median", "mean", "largest"],
        ["PGD", "1 of 2", "2", "2", "4"],
        ["DDN", "2 of 2", "1", "1", "1.5"],
    ]
    drawn = draw_study(write("SmoothedRadii", tops()), "here")
    assert [row[0] for row in drawn.table[1:]] == ["label", "set of 5"]
    assert "not misled" in draw_study(write("AdversarialDistances", distances()), "here").figure
