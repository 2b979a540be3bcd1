"""The part of the report about adversaries that a network was not trained against."""

import json
import math
import re

import pytest
from rich.console import Console
from safetensors.numpy import save_file

from hauberk.errors import InputError
from hauberk.evaluation.statistics import share
from hauberk.reports.html import write_report
from hauberk.reports.unforeseen import print_adversaries
from reports.synthetic import EXAMPLES, accuracies, summary, tensors


def row(name, threat, attacked, certified=None, **changes):
    """What summary.json says of one adversary."""
    counts = accuracies(0.05, 196, attacked, 0)
    proven = share(certified, EXAMPLES) if certified is not None else None
    said = {"name": name, "threat": threat, "rest": share(190, EXAMPLES), "attacks": ["PGD"], "seconds": 61.0}
    return counts | {"certified": proven, "remarks": []} | said | changes


def unforeseen(*rows):
    return {"adversaries": list(rows), "worst": share(33, EXAMPLES), "mean": 0.4321}


FLOW, COLOUR = row("flow", "flow eps 0.05", 90, certified=20), row("colour", "recolor eps 0.06", 120)


def words(file):
    return " ".join(re.sub(r"<[^>]*>", " ", file.read_text(encoding="utf-8")).split())


def faced(make_run, name="small", rows=(FLOW, COLOUR)):
    folder = make_run(name, unforeseen=unforeseen(*rows))
    for faced in rows:
        place = folder / "evaluation" / "unforeseen" / faced["name"]
        place.mkdir(parents=True)
        save_file(tensors(), place / "examples.safetensors")
    return folder


def test_a_run_shows_what_each_adversary_leaves_and_the_worst_case(make_run, tmp_path):
    said = words(write_report([faced(make_run)], tmp_path / "page.html"))
    assert "flow flow eps 0.05 PGD 95.00 %" in said
    assert re.search(r"45\.00 % [\d.]+ – [\d.]+ % 10\.00 %", said)
    assert "all at once worst case per example 16.50 %" in said
    assert "the mean over the adversaries that attacked is 43.21 %" in said
    assert "61.0 s" in said


def test_the_terminal_shows_the_table(capsys):
    print_adversaries(summary(unforeseen=unforeseen(FLOW, COLOUR)), Console(width=100))
    said = capsys.readouterr().out
    for line in (r"flow +│ flow eps 0.05 +│ 95.00 % │ +45.00 % │ +10.00 %", r"colour .* –", r"all at once .* 16.50 %"):
        assert re.search(line, said)


def test_the_same_images_stand_above_what_each_adversary_makes_of_them(make_run, tmp_path):
    page = write_report([faced(make_run)], tmp_path / "page.html").read_text(encoding="utf-8")
    strip = page[page.index('id="faces"') : page.index("An adversary that fails")]
    assert re.findall(r'<th scope="row">(.*?)</th>', strip) == ["clean", "flow", "± 0.1", "colour", "± 0.1"]
    assert strip.count("<img") == 5 * 4


def test_runs_that_faced_the_same_adversaries_are_compared(make_run, tmp_path):
    runs = [faced(make_run, "one"), faced(make_run, "two"), faced(make_run, "three", [FLOW]), make_run("none")]
    page = write_report(runs, tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'id="unforeseen-1"' in page
    assert 'id="unforeseen-2"' not in page
    table = page[page.index('id="unforeseen-1"') : page.index("</table>", page.index('id="unforeseen-1"'))]
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == ["one", "two"]
    assert "45.00 %" in table


def test_a_run_without_adversaries_says_nothing_of_them(make_run, tmp_path):
    assert "Unforeseen" not in words(write_report([make_run()], tmp_path / "page.html"))


@pytest.mark.parametrize("name", ["../../other", "..", "", "a\0b", 5000 * "a"])
def test_names_that_lead_elsewhere_are_refused(make_run, tmp_path, name):
    folder = make_run(unforeseen=unforeseen(row(name, "flow eps 0.05", 90)))
    with pytest.raises(InputError, match="cannot hold a folder"):
        write_report([folder], tmp_path / "page.html")


@pytest.mark.parametrize("wrong", [{"mean": math.nan}, {"mean": 9.0}, {"adversaries": [FLOW, FLOW]}])
def test_impossible_tables_are_refused(make_run, tmp_path, wrong):
    folder = make_run(unforeseen=unforeseen(FLOW) | wrong)
    with pytest.raises(InputError, match=re.escape("summary.json")):
        write_report([folder], tmp_path / "page.html")


def test_adversaries_that_attacked_nothing_leave_the_mean_open(make_run, tmp_path):
    idle = FLOW | {"attacked": None}
    folder = make_run(unforeseen={"adversaries": [idle], "worst": None, "mean": None})
    assert "all at once" in words(write_report([folder], tmp_path / "page.html"))


def test_impossible_counts_name_the_file(make_run, tmp_path):
    folder = make_run(unforeseen=unforeseen(row("flow", "flow eps 0.05", 197)))
    with pytest.raises(InputError, match=re.escape("summary.json")):
        write_report([folder], tmp_path / "page.html")
    kept = json.loads((folder / "evaluation" / "summary.json").read_text(encoding="utf-8"))
    assert kept["unforeseen"]["adversaries"][0]["attacked"]["count"] == 197
