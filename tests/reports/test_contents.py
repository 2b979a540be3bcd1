"""The list of a page's sections leads to each of them."""

import re

from markupsafe import Markup

from hauberk.reports.contents import contents
from hauberk.reports.html import write_report


def test_sections_of_the_page_are_listed_in_order():
    body = Markup('<section class="w" id="a">\n<h2>One &amp; two</h2></section><section id="b"><h3>not</h3></section>')
    assert contents(body + Markup('<section id="c">\n\n<h2>Three</h2>')) == [("a", "One &amp; two"), ("c", "Three")]


def listed(page):
    (nav,) = re.findall(r'<nav class="contents".*?</nav>', page, re.DOTALL)
    return re.findall(r'href="#([^"]+)">([^<]+)</a>', nav)


def test_one_run_lists_its_sections(make_run, tmp_path):
    page = write_report([make_run()], tmp_path / "report.html").read_text(encoding="utf-8")
    found = listed(page)
    assert [title for _, title in found] == re.findall(r"<h2>([^<]+)</h2>", page)
    assert len(found) > 8


def test_several_runs_list_what_compares_them_and_the_runs(make_run, tmp_path):
    page = write_report([make_run("a"), make_run("b")], tmp_path / "report.html").read_text(encoding="utf-8")
    found = listed(page)
    assert found[:2] == [("comparison", "Accuracies"), ("contrasts", "Paired differences")]
    assert found[-2:] == [("run-1-top", "a"), ("run-2-top", "b")]
