"""What pages and terminals say of smoothed networks: of whom, with which confidence, and what it does not mean."""

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.numpy import load_file, save_file

from hauberk.reports.html import write_report
from hauberk.reports.search import print_search, write_search
from hauberk.reports.tables import headline_line, print_headline
from reports.synthetic import attack_row, smoothed, summary, with_radii

WHO = "smoothed network, confidence 99.9 %"


@pytest.fixture
def report(tmp_path):
    """A function that writes the report of some runs and returns its source and its text."""

    def report(*runs):
        source = write_report(list(runs), tmp_path / "out/report.html").read_text(encoding="utf-8")
        body = re.sub(r"<(style|svg).*?</\1>", "", source, flags=re.DOTALL)
        text = " ".join(re.sub(r"<[^>]+>", " ", body).split())
        return source, re.sub(r" ([.,])", r"\1", text)

    return report


def test_the_page_says_of_what_it_speaks_and_how_sure_it_is(make_run, report):
    _, text = report(with_radii(make_run(**smoothed())))
    for words in [
        "98.0 % are classified correctly by the smoothed network, 90.0 % withstood every attack tried, and for 75.0 % "
        "it is proven that no perturbation with l2 eps 0.1 changes the answer, each time with a confidence of 99.9 %.",
        "proven: nothing in the set changes the answer, with a confidence of 99.9 % each",
        f"Subject of every share: {WHO}.",
        f"Subject {WHO}",
        "Smoothing Gaussian noise, sigma 0.25; 1,000 votes for an answer",
        "With a confidence of 99.9 %, at least 148 of these images are rightly certified, all at once.",
        "the right class is the network’s most likely answer under noise, at every input within l2 eps 0.1",
        "The noise is Gaussian noise, sigma 0.25, of which floating-point numbers are samples.",
        "the vote under noise, not of the network’s own answer",
        "those of each image are right with a probability of 99.9 % or more.",
        "the smoothed network abstains: an error in clean accuracy",
        "broken only if another class leads the vote beyond doubt at the adversarial point",
        "Attacks followed gradients of the mean over 32 samples of noise, which were fixed",
        "But for wrong proofs and votes, the robust accuracy lies between 75.00 % and 90.00 %.",
        "Nothing is said of radii beyond those proven",
        "The lead is the label’s probability under noise minus all others’.",
        "The fainter line leaves out 2 images at every radius",
        "the smoothed network’s prediction",
    ]:
        assert words in text, words
    for words in ("is the label’s logit", "known exactly", "in this arithmetic", "where it abstains", "fail together"):
        assert words not in text


@pytest.mark.product
def test_plain_networks_say_nothing_of_votes(make_run, report):
    _, text = report(with_radii(make_run(norm="l_inf")))
    assert "Subject of every share: network." in text
    assert "Certified: the share of the 200 images that are classified correctly and proven at each radius" in text
    assert "in this arithmetic" in text
    assert not re.search("noise|vote|abstain|confidence of|all at once|fainter", text)


@pytest.mark.product
def test_without_radii_there_is_no_such_section(make_run, report):
    source, text = report(make_run())
    assert "Certified accuracy by radius" not in text
    assert 'id="radii"' not in source
    assert "Nothing is said of larger radii" in text


def test_equal_images_and_dependent_proofs_are_told(make_run, report):
    statement = smoothed()["statement"]
    _, text = report(make_run("equal", **smoothed(statement=statement | {"equal": 3})))
    assert "This allows for equal images, up to 3, whose proofs fail together." in text
    likely = {"name": "likely", "certified": 150, "seconds": 1.0, "not_applicable": None, "confidence": 0.99}
    _, text = report(make_run("other", statement=statement | {"equal": None}, verifiers=[likely]))
    assert "network, confidence 99 %" in text
    assert "This allows for proofs of different images that fail together." in text
    assert "vote under noise" not in text


def test_proofs_that_points_contradict_are_told(make_run, report):
    _, text = report(with_radii(make_run(**smoothed(overturned=3))))
    assert "3, contradicted by a point that is misclassified, are not counted" in text
    assert "3 proofs, contradicted by a point that is misclassified, count at no radius." in text


def test_agreement_is_no_certainty_where_proofs_may_fail(make_run, report):
    _, text = report(make_run(**smoothed(attacked=summary()["certified"])))
    assert "Attacks and proofs agree on every image, where no proof is wrong." in text
    assert "known exactly" not in text


def test_a_smoothed_network_without_proofs_still_explains_its_votes(make_run, report):
    _, text = report(make_run(**smoothed(verifiers=[], certified=None, statement=None)))
    assert "Nothing is proven here." in text
    assert "An answer takes 1,000 votes under Gaussian noise, sigma 0.25." in text
    assert "smoothed network, confidence" not in text


def test_where_the_vote_abstains_at_an_adversarial_image_it_is_not_wrong(make_run, report):
    folder = make_run(**smoothed())
    file = folder / "evaluation/examples.safetensors"
    tensors = load_file(file)
    tensors["adversarial_predictions"][1] = -1
    save_file(tensors, file)
    source, text = report(folder)
    assert "1 → ?" in text
    assert "? where it abstains" in text
    assert re.findall(r'<span class="wrong">([^<]*)</span>', source) == ["0 → 5"]


def test_kinds_of_subjects_have_tables_and_figures_of_their_own(make_run, report):
    runs = [with_radii(make_run(f"votes-{number}", **smoothed())) for number in (1, 2)]
    runs += [with_radii(make_run(f"plain-{number}", norm="l_inf")) for number in (1, 2)]
    runs += [with_radii(make_run("alone", **smoothed(norm="l_1")))]
    source, _ = report(*runs)
    tables = re.findall(r'<table id="headline(?:-\d)?">.*?</table>', source, re.DOTALL)
    assert [re.findall(r'href="#run-(\d)-top"', table) for table in tables] == [["3", "4"], ["1", "2", "5"]]
    assert "Subject of every statement: network." in tables[0]
    assert "at least" not in tables[0]
    assert f"Subject of every statement: {WHO}." in tables[1]
    assert tables[1].count("74.00 %") == 3, "148 of 200"
    figures = re.findall(r'<figure id="radii-\d">.*?</figure>', source, re.DOTALL)
    assert ["votes-1" in figure for figure in figures] == [False, True]
    assert not ["alone" for figure in figures if "alone" in figure]
    assert f"Subject of every share: {WHO}." in " ".join(figures[1].split())
    ids = re.findall(r'\bid="([^"]+)"', source)
    assert len(ids) == len(set(ids))
    assert {"run-1-radii", "run-5-radii"} <= set(ids)


@pytest.mark.product
def test_different_confidences_of_one_kind_are_told_apart_by_row(make_run, report):
    (votes,) = smoothed()["verifiers"]
    runs = make_run("sure", **smoothed()), make_run("less", **smoothed(verifiers=[votes | {"confidence": 0.99}]))
    source, _ = report(*runs)
    (table,) = re.findall(r'<table id="headline">.*?</table>', source, re.DOTALL)
    assert "Subject of every statement: smoothed network." in table
    assert f'<span class="meaning">{WHO}</span>' in table
    assert '<span class="meaning">smoothed network, confidence 99 %</span>' in table


@pytest.mark.product
def test_other_weights_are_compared_by_kind(make_run, report):
    recipe = "trainer: {keep: best}\n"
    for name, changes in (("a", {}), ("b", smoothed())):
        for place in (name, f"{name}/variants/final"):
            folder = make_run(place, **{"curve": []} | changes)
            (folder / "recipe.yaml").write_text(recipe)
            about = json.loads((folder / "run.json").read_text()) | {"weights_sha256": place}
            (folder / "run.json").write_text(json.dumps(about))
    root = folder.parents[2]
    (root / "a/variants/final/train.jsonl").unlink()
    (root / "b/variants/final/train.jsonl").unlink()
    source, _ = report(*(root / place for place in ("b", "b/variants/final", "a", "a/variants/final")))
    tables = re.findall(r'<table id="weights(?:-\d)?">.*?</table>', source, re.DOTALL)
    assert [re.findall(r"Subject of every share: ([\w ]+)\.", table) for table in tables] == [
        ["network"],
        ["smoothed network"],
    ]


def test_terminals_name_the_subject_and_what_holds_at_once():
    content, console = summary(**smoothed()), Console(width=200, file=io.StringIO())
    print_headline(content, console)
    shown = console.file.getvalue()
    assert f"l2 eps 0.1 | 200 examples | {WHO}" in shown
    assert "With a confidence of 99.9 %, at least 148 of these examples are rightly certified, all at once." in shown
    assert f"| 200 examples | {WHO} | 1.0 min" in headline_line(content, 60.0, Path("r.html"))


def test_sweeps_name_the_subject(searched):
    search = searched((190, 150), (180, 140), **smoothed())
    assert f"Subject: {WHO}." in " ".join(write_search(search).read_text().split())
    print_search(search, console := Console(file=io.StringIO(), width=200))
    assert f"| {WHO} |" in console.file.getvalue()


@pytest.mark.product
def test_rows_of_attacks_on_votes_are_like_others(make_run, report):
    rows = [attack_row("PGD", 14, 14, 182), attack_row("DDN", 2, 2, 194)]
    _, text = report(make_run(**smoothed(attacks=rows)))
    assert "DDN white box 196 2 2 97.00 %" in text
