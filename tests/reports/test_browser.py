"""The page in a real browser."""

import re
import shutil
import subprocess

import pytest

from hauberk.reports.html import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
def test_the_browser_finds_table_and_figures(make_run, tmp_path):
    page = write_report([make_run()], tmp_path / "report.html")
    command = [BROWSER, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert re.search(r'<table id="headline">.*?certified.*?75\.00 %.*?</table>', shown, re.DOTALL)
    for name in ("curves", "examples", "distances", "bounds", "layers", "training"):
        figure = re.search(rf'<figure id="{name}">.*?</figure>', shown, re.DOTALL)
        assert figure is not None
        assert re.search(r'<(svg|img) [^>]*aria-label="[^"]+"', figure[0])
        assert "<figcaption>" in figure[0]
