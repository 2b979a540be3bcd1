"""The page, the table and the figure of a sweep."""

import io
import re
from xml.etree import ElementTree

import polars as pl
import pytest
from rich.console import Console

from hauberk.reports.front import draw_front
from hauberk.reports.search import print_search, write_search


def test_the_table_has_a_row_a_point(searched):
    write_search(search := searched((190, 150), None, (180, 140)))
    table = pl.read_csv(search.folder / "points.csv")
    assert table["number"].to_list() == [1, 2, 3]
    assert table["trainer.epochs"].to_list() == [1, 2, 3]
    assert table["clean"].to_list() == [0.95, None, 0.9]
    assert table["certified"].to_list() == [0.75, None, 0.7]
    assert table["certified_low"][0] == pytest.approx(0.684, abs=1e-3)
    assert table["examples"].to_list() == [200, None, 200]
    assert table["on_front"].to_list() == [True, False, False]
    assert table["failed"].to_list() == [None, "the loss is nan", None]


def test_the_page_says_what_its_figures_are_of_and_how_to_get_honest_ones(searched):
    page = write_search(search := searched((190, 150), None, (180, 160))).read_text()
    assert page.count("<svg ") == 1
    assert "200 held-out training examples" in re.sub(r"\s+", " ", page)
    assert f"hauberk evaluate {search.folder}/points/003" in page
    assert re.findall(r"<strong>(\d)</strong>", page) == ["3", "1"]
    assert re.findall(r'<th scope="row">(\d ?●?)</th>', page) == ["1 ●", "2", "3 ●"]
    assert "failed: the loss is nan" in page
    assert not re.search(r'(src|href)="(?!#)', page)


REASON = {"certified": "not applicable: mish.", "attacked": "not applicable: no set."}


def test_a_sweep_without_any_robust_accuracy_says_why_and_has_no_front(searched):
    search = searched((190, 150), (180, 140), certified=None, attacked=None, not_applicable=REASON)
    page = write_search(search).read_text()
    table = pl.read_csv(search.folder / "points.csv")
    assert table["certified"].null_count() == table["attacked"].null_count() == 2
    assert table["not_applicable"][0] == "certified not applicable: mish.; attacked not applicable: no set."
    assert "There is no front" in page
    assert "Point 2: certified not applicable: mish." in page
    assert "hauberk evaluate" not in page
    print_search(search, console := Console(width=200, file=io.StringIO()))
    assert "Point 1: attacked not applicable: no set." in console.file.getvalue()


def test_attacked_accuracy_is_no_proof(searched):
    page = write_search(searched((190, 0, 120), verifiers=[])).read_text()
    assert "upper bound" in page
    assert 'class="swatch certified"' not in page


def test_a_sweep_that_failed_throughout_has_a_page_without_figure(searched):
    page = write_search(search := searched(None, None)).read_text()
    assert "failed at every point" in page
    assert "<svg " not in page
    assert pl.read_csv(search.folder / "points.csv")["on_front"].to_list() == [False, False]


def test_what_files_say_is_text(searched):
    search = searched((190, 150), value="<b>[bold]</b>")
    assert "&lt;b&gt;[bold]&lt;/b&gt;" in write_search(search).read_text()
    print_search(search, console := Console(file=io.StringIO(), width=120))
    assert "<b>[bold]</b>" in console.file.getvalue()


def test_the_terminal_shows_the_front_with_stars(searched):
    print_search(searched((190, 150), None), console := Console(file=io.StringIO(), width=120))
    shown = console.file.getvalue()
    assert "linf eps 0.1 | 200 held-out training examples" in shown
    assert re.search(r"\* +│ 1 +│ 1 +│ 95\.00 % │ +90\.00 % │ +75\.00 %", shown)
    assert re.search(r"│ 2 +│ 2 +│ +– │ +– │ +– │ +failed", shown)


def test_the_figure_names_points_that_fall_together_once(searched):
    svg = draw_front(searched((190, 150), (180, 160), (190, 150), (100, 20)), "front")
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]
    assert {"1, 3", "2", "4", "clean", "certified"} <= set(texts)
    assert "front: 2, 1, 3." in svg


def test_close_points_have_an_axis_whose_labels_differ(searched):
    svg = draw_front(searched(*((19_950 + more, 19_000) for more in range(3)), examples=20_000), "front")
    texts = [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]
    ticks = [text for text in texts if text.endswith(" %")]
    assert len(ticks) == len(set(ticks)) > 4
