"""Records as a file inside the page."""

import base64

import polars as pl
import pytest

from hauberk.reports.downloads import LARGEST, records_as_csv
from hauberk.reports.html import write_report
from hauberk.reports.run_files import read_run


def test_the_file_holds_every_record(make_run):
    run = read_run(make_run())
    found = records_as_csv(run, "small", LARGEST)
    content = base64.b64decode(found.uri.removeprefix("data:text/csv;charset=utf-8;base64,"))
    assert len(content) == found.size
    again = pl.read_csv(content, schema=run.records.schema)
    assert again.equals(run.records)


@pytest.mark.parametrize(("missing", "held"), [(0, True), (1, False)])
def test_what_is_too_large_is_left_out(make_run, missing, held):
    run = read_run(make_run())
    size = records_as_csv(run, "small", LARGEST).size
    assert bool(records_as_csv(run, "small", size - missing).uri) == held


@pytest.mark.parametrize(
    ("name", "file"), [("a/final", "a-final"), ('x" y<', "x-y"), ("../..", "run"), ("naïve", "naïve")]
)
def test_the_name_of_the_file_is_one(make_run, name, file):
    assert records_as_csv(read_run(make_run()), name, LARGEST).name == f"{file}-records.csv"


def test_the_page_says_where_larger_records_are(make_run, tmp_path, monkeypatch):
    folder = make_run()
    assert "<a download=" in write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr("hauberk.reports.html.LARGEST", 100)
    page = write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<a download=" not in page
    assert "<code>evaluation/records</code>" in page
