"""The page in a real browser."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from hauberk.reports.html import write_report
from reports.synthetic import RUN

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
LONG = "a-name-without-any-blank-" * 6
FRAME = """<iframe src="{page}" style="border: 0; width: {width}px; height: 4000px"></iframe>
<pre id="said"></pre>
<script>
const frame = document.querySelector("iframe")
frame.onload = async () => {{
  const page = frame.contentDocument, view = frame.contentWindow, width = page.documentElement.clientWidth
  page.querySelectorAll("details").forEach(one => one.open = true)
  const scrolls = one => one && (view.getComputedStyle(one).overflowX === "auto" || scrolls(one.parentElement))
  const out = [...page.querySelectorAll("main *")].filter(
    one => one.getBoundingClientRect().right > width + 1 && !scrolls(one) && !one.closest("svg svg, svg *"))
  const link = page.querySelector("a[download]")
  const file = link && await (await fetch(link.href)).text()
  const hidden = [...page.querySelectorAll(".scroll")].filter(one => one.scrollWidth > one.clientWidth + 1)
  document.getElementById("said").textContent = JSON.stringify({{
    wider: page.documentElement.scrollWidth - width, out: out.map(one => one.outerHTML.slice(0, 80)), file,
    name: link && link.download, hidden: hidden.length,
    hinted: hidden.filter(one => view.getComputedStyle(one).backgroundImage.includes("gradient")).length,
  }})
}}
</script>
"""


def browse(url: str, folder: Path, *options: str) -> str:
    """Open a page in the browser and return what it prints."""
    command = [str(BROWSER), *QUIET, f"--user-data-dir={folder / 'profile'}", *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def measured(page: Path, width: int) -> dict:
    """Open a page in a frame of this width and return what is found of its layout."""
    frame = page.with_name(f"frame-{width}.html")
    frame.write_text(FRAME.format(page=page.as_uri(), width=width), encoding="utf-8")
    options = ["--allow-file-access-from-files", "--virtual-time-budget=8000", "--dump-dom"]
    shown = browse(frame.as_uri(), page.parent, *options)
    found = re.search(r'<pre id="said">(.+?)</pre>', shown, re.DOTALL)
    assert found is not None
    return json.loads(unescape(found[1]))


def test_the_browser_finds_table_and_figures(make_run, tmp_path):
    page = write_report([make_run()], tmp_path / "report.html")
    shown = browse(page.as_uri(), tmp_path, "--dump-dom")
    assert re.search(r'<table id="headline">.*?certified.*?75\.00 %.*?</table>', shown, re.DOTALL)
    for name in ("curves", "examples", "distances", "bounds", "layers", "training"):
        figure = re.search(rf'<figure id="{name}">.*?</figure>', shown, re.DOTALL)
        assert figure is not None
        assert re.search(r'<(svg|img) [^>]*aria-label="[^"]+"', figure[0])
        assert "<figcaption>" in figure[0]


@pytest.fixture
def three(make_run, tmp_path):
    """The page of three runs with long names of everything."""
    runs = []
    for seed, name in enumerate(("first", LONG, "third")):
        folder = make_run(name, threat="linf eps 8/255" if seed else LONG)
        about = RUN | {"seed": seed, "network": f"{LONG}.{LONG}", "dataset": LONG, "classes": [LONG] * 10}
        (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
        (folder / "recipe.yaml").write_text(f"seed: {seed}\ntrainer: {{objective: objectives.{LONG}}}\n")
        runs.append(folder)
    return write_report(runs, tmp_path / "report.html")


@pytest.mark.parametrize("width", [390, pytest.param(768, marks=pytest.mark.product)])
def test_nothing_is_lost_sideways(three, width):
    found = measured(three, width)
    assert (found["wider"], found["out"]) == (0, [])
    assert found["hidden"] == found["hinted"] > 0


@pytest.mark.product
def test_the_browser_takes_the_records_from_the_page(make_run, tmp_path):
    found = measured(write_report([make_run("a run")], tmp_path / "report.html"), 1280)
    assert found["name"] == "a-run-records.csv"
    header, *rows = found["file"].splitlines()
    assert header.startswith("index,label,prediction,margin,broken_by")
    assert len(rows) == 200


def test_three_runs_are_printed_on_eight_pages_at_most(make_run, tmp_path):
    page = write_report([make_run(name) for name in "abc"], tmp_path / "report.html")
    printed = tmp_path / "report.pdf"
    browse(page.as_uri(), tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) <= 8
