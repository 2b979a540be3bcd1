"""The page: what it says, that it is one harmless file, and what it does with parts that are missing."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from safetensors.numpy import save_file

import hauberk.reports
from hauberk.errors import InputError
from hauberk.reports.html import write_report
from reports.synthetic import RUN, attack_row, journal, summary, tensors, write_lines

VOID = {"meta", "img", "br"}
FIGURES = ["curves", "examples", "distances", "bounds", "layers", "training"]


class Page(HTMLParser):
    """Elements, ids and text of a page; every tag must be closed in order."""

    def __init__(self, file):
        super().__init__()
        self.tags, self.ids, self.references, self.open, self.words = [], [], [], [], []
        self.source = file.read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.references += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


@pytest.fixture
def report(tmp_path):
    """A function that writes the report of some runs and returns the page."""
    return lambda *runs: Page(write_report(list(runs), tmp_path / "out/report.html"))


def test_one_run(make_run, report):
    page = report(make_run())
    for words in [
        "Small on MNIST, linf eps 0.1",
        "Of 200 test images, 98.0 % are classified correctly, 90.0 % withstood every attack tried, and for 75.0 % "
        "it is proven that no perturbation with linf eps 0.1 changes the answer.",
        "certified proven: nothing in the set changes the answer 150 75.00 %",
        "30 images lie between the last two rows",
        "hauberk.architectures.Small, 166,406 parameters",
        "Computed on the first 100 test images, attacked by PGD-40, one restart. The robust",
        "0 → 5",
        "−0.1",
        "what no attack broke at a larger one counts as unbroken at a smaller one",
        "A probe of the network and the attacks’ results show no sign of gradient masking.",
        "PGD-40 x 3 white box 196 14 14 91.00 % 86.14 – 94.58 % 0.0975 (14 of 196) 60.0 s",
        "Square black box 196 2 9 93.50 %",
        "all attacks worst case per example 196 16 16 90.00 % 84.97 – 93.79 % 2.0 min",
        "interval 150 2.0 s",
        "no pieces for Sigmoid not applicable",
        "196 of 200 images have a bound",
        "Step 8, epoch 2, after 20.0 s",
        "between 75.00 % and 90.00 %",
        "in this arithmetic: float32, widened outward by its rounding error.",
        "threat: {eps: 0.1}",
        "Hauberk 0.1.0, PyTorch 2.13.0, Python 3.11.7",
        "Seed 7",
        "ab" * 32,
    ]:
        assert words in page.text
    assert len(page.ids) == len(set(page.ids))
    assert {"headline", *FIGURES} <= set(page.ids)
    assert page.tags.count("figure") == page.tags.count("figcaption") == len(FIGURES)
    assert page.tags.count("h1") == 1


def test_the_file_stands_alone(make_run, report):
    page = report(make_run("a"), make_run("b"))
    assert all(
        reference.startswith(("data:image/png;base64,", "data:text/csv;charset=utf-8;base64,", "#"))
        for reference in page.references
    )
    assert {reference[1:] for reference in page.references if reference[0] == "#"} <= set(page.ids)
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    words = re.sub('base64,[^"]+', "", page.source)
    assert not re.search(r"https?:|@import|url\((?!#)|//", words)
    assert "default-src 'none'" in page.source


def test_strings_of_files_are_text(make_run, report):
    evil = '</pre><script>alert("x")</script>&amp;{{ 7 * 7 }}'
    folder = make_run(
        "evil & <b>",
        threat=evil,
        subject=evil,
        arithmetic=evil,
        curve_attack=evil,
        attacks=[{"name": evil, "broken": 1, "seconds": 1}],
        verifiers=[
            {"name": evil, "certified": 1, "seconds": 1},
            {"name": "b", "certified": 0, "seconds": 0, "not_applicable": evil},
        ],
    )
    (folder / "recipe.yaml").write_text(evil, encoding="utf-8")
    strings = {name: evil if isinstance(value, str) else value for name, value in RUN.items()}
    (folder / "run.json").write_text(json.dumps(strings), encoding="utf-8")
    layers = [{"name": evil, "neurons": 1, "active": 0, "inactive": 0, "unstable": 1}]
    (folder / "evaluation/layers.json").write_text(json.dumps(layers), encoding="utf-8")
    page = report(folder, make_run("other"))
    assert not {"script", "b"} & set(page.tags)
    assert page.text.count(evil) > 15
    assert len(re.findall(r"<pre[^>]*><code>([^<]*)</code></pre>", page.source)) == 2


def test_several_runs(make_run, report):
    smoothed = make_run("second", threat="l2 eps 0.5", subject="smoothed network")
    page = report(make_run("first"), smoothed, make_run("third", threat="linf eps 0.3"))
    assert "3 runs compared" in page.text
    assert "first – 7 0.3 166,406 linf eps 0.1 98.00 %" in page.text
    assert "third – 7 0.3 166,406 linf eps 0.3 98.00 %" in page.text
    assert len(page.ids) == len(set(page.ids))
    assert {"headline", "run-1-top", "run-2-headline", "run-2-curves", "run-3-training"} <= set(page.ids)
    assert page.tags.count("article") == 3
    first, second = re.findall(r'<table id="headline[^"]*">.*?</table>', page.source, re.DOTALL)
    assert re.findall(r'href="#run-(\d)-top"', first) == ["1", "3"]  # subjects are never mixed in one table
    assert re.findall(r'href="#run-(\d)-top"', second) == ["2"]
    assert "statement: smoothed network." in second


def test_evaluations_of_one_run_are_compared_like_runs(make_run, judge, report):
    folder = make_run("run", curve=[])
    recipe = "threat: {eps: 0.3}\ntrainer: {epochs: 99}\n"
    place = judge(folder, "strong <b>", recipe, threat="linf eps 0.3", curve=[])
    page = report(folder, make_run("other", curve=[]))
    assert "3 evaluations of 2 runs compared" in page.text
    links = re.findall(r'<a href="#run-(\d)-top">([^<]*)</a>', page.source)
    assert links[:3] == [("1", "run"), ("2", "run: strong &lt;b&gt;"), ("3", "other")]
    assert {"run-1-top", "run-2-top", "run-3-top"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "accuracy against the epoch of 2 training runs" in page.source
    assert "2 evaluations compared" in report(folder).text
    alone = report(place)
    assert "compared" not in alone.text
    assert (
        "The evaluation is by this recipe: its data, threat and evaluator. " + recipe.replace("\n", " ") in alone.text
    )
    assert "The training was by the run’s own. threat: {eps: 0.1}" in alone.text
    assert "by this recipe" not in report(folder / "evaluation").text


@pytest.mark.parametrize(
    ("file", "figures"),
    [
        ("evaluation/layers.json", ["layers"]),
        ("evaluation/examples.safetensors", ["examples"]),
        ("train.jsonl", ["training"]),
    ],
)
def test_a_missing_part_is_left_out(make_run, report, file, figures):
    folder = make_run()
    (folder / file).unlink()
    page = report(folder)
    assert [name for name in FIGURES if name not in page.ids] == figures
    assert ("holds no record of a training" in page.text) == (file == "train.jsonl")


def test_no_curve_no_section(make_run, report):
    page = report(make_run(curve=[]))
    assert "curves" not in page.ids
    assert "Robustness against the radius" not in page.text


def test_without_verifiers_nothing_is_proven(make_run, report):
    content = summary()
    nothing = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.02}
    page = report(make_run(verifiers=content["verifiers"][1:], certified=nothing))
    assert "and nothing is proven: no verifier was applicable." in page.text
    assert "Nothing is proven here." in page.text


def test_a_proof_that_was_not_asked_for_is_not_called_inapplicable(make_run, report):
    nothing = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.02}
    assert "and nothing is proven: no proof was tried." in report(make_run(verifiers=[], certified=nothing)).text


@pytest.mark.product
def test_proofs_that_may_fail_are_marked(make_run, report):
    sure = {"name": "sure", "certified": 140, "seconds": 1.0, "not_applicable": None}
    likely = sure | {"name": "likely", "certified": 10, "confidence": 0.99, "overturned": 2}
    text = report(make_run(verifiers=[sure, likely])).text
    assert text.count("is right with probability") == 1
    assert "is right with probability 0.99 or more; attacks refuted 2, which are not counted" in " ".join(text.split())


def test_without_attacks(make_run, report):
    page = report(make_run(attacks=[], attacked=summary()["clean"]))
    assert "none was attacked" in page.text
    assert "No attack was tried." in page.text


def test_signs_of_masking_come_before_the_accuracies(make_run, report):
    sign = {"flag": "gradients are zero", "evidence": "At 80 of 200.", "advice": "Use <b>."}
    page = report(make_run(masking=[sign]))
    assert "masking" in page.ids
    assert "Gradients are zero At 80 of 200. Use <b>." in page.text
    assert page.text.index("signs of gradient masking") < page.text.index("accuracy images share")
    assert "no sign of gradient masking" not in page.text


def test_summaries_without_a_search_for_masking_say_nothing_of_it(make_run, report):
    assert "masking" not in report(make_run(masking=None)).text


@pytest.mark.product
def test_attacks_that_only_saw_survivors_are_not_compared(make_run, report):
    second = attack_row("Square", 2, 2, 180, tried=182, alone=None, black_box=True)
    refused = attack_row("DDN", 0, 0, 0, tried=0, alone=None, found=0, not_applicable="no l_2 ball")
    attacks = [attack_row("PGD-40 x 3", 14, 14, 182), second, refused]
    page = report(make_run(attacks=attacks, every_attack=False))
    assert "accuracy left alone" not in page.text
    assert (
        "PGD-40 x 3 white box 196 14 14 0.0975 (14 of 196) 60.0 s Square black box 182 2 2 0.0975 (2 of 182) 60.0 s"
    ) in page.text
    assert "DDN no l_2 ball not applicable" in page.text
    assert "those before it left unbroken" in page.text


@pytest.mark.product
def test_sets_without_a_norm_have_no_distances(make_run, report):
    bare = {"found": 0, "median_distance": None, "mean_distance": None}
    folder = make_run(attacks=[attack_row("PGD-40 x 3", 16, 16, 180, **bare)])
    for file in (folder / "evaluation/records").iterdir():
        nothing = pl.lit(None, dtype=pl.Float32)
        pl.read_parquet(file).with_columns(distance=nothing).write_parquet(file)
    page = report(folder)
    assert "distances" not in page.ids
    assert "istance" not in page.text


REASONS = {"certified": "not applicable: mish has no bounds.", "attacked": "not applicable: no set."}


@pytest.mark.product
@pytest.mark.parametrize("unknown", [["certified"], ["attacked"], ["certified", "attacked"]])
def test_what_did_not_apply_has_its_reason_and_no_figure(make_run, report, unknown):
    reasons = {name: REASONS[name] for name in unknown}
    changes = dict.fromkeys(unknown) | {"not_applicable": reasons, "curve_remarks": ["PGD is not applicable: no set."]}
    if "certified" in unknown:
        changes["verifiers"] = [{"name": "a", "certified": 0, "seconds": 0.0, "not_applicable": "mish has no bounds."}]
    if "attacked" in unknown:
        changes["attacks"] = [attack_row("PGD", 0, 0, 0, tried=0, not_applicable="no set.", alone=None)]
    page = report(make_run(**changes))
    for reason in reasons.values():
        assert reason in page.text
    assert "PGD is not applicable: no set." in page.text
    assert ("75.0 %" in page.text) == ("certified" not in unknown)
    assert ("90.0 %" in page.text) == ("attacked" not in unknown)
    both = report(make_run("other", **changes), make_run("third"))
    assert all(reason in both.text for reason in reasons.values())


@pytest.mark.product
def test_parts_of_attacks_that_were_left_out_are_told(make_run, report):
    row = attack_row("Ensemble", 14, 14, 182, remarks=["Square is left out: it needs images."])
    assert "Square is left out: it needs images" in report(make_run(attacks=[row])).text


def test_attacks_and_proofs_that_agree(make_run, report):
    page = report(make_run(attacked=summary()["certified"]))
    assert "the robust accuracy of these 200 images is known exactly" in page.text


def test_refuses_no_runs(tmp_path):
    with pytest.raises(InputError, match="no run to report"):
        write_report([], tmp_path / "report.html")


def test_an_old_report_survives_a_fault(make_run, tmp_path, monkeypatch):
    output = tmp_path / "report.html"
    output.write_text("old")

    def refuse(source, target):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_report([make_run()], output)
    assert output.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["report.html"]


@pytest.mark.product
def test_the_same_run_gives_the_same_bytes(make_run, tmp_path):
    folder = make_run()
    first, second = (write_report([folder], tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second
    assert len(first) < 300_000


def test_reports_read_records_only():
    allowed = ("hauberk.atomic", "hauberk.errors", "hauberk.evaluation.records", "hauberk.reports")
    allowed += ("hauberk.evaluation.statistics", "hauberk.files", "hauberk.parquet", "hauberk.pixel_fractions")
    allowed += ("hauberk.plain_yaml",)
    for file in Path(hauberk.reports.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                assert name.split(".")[0] != "torch"
                assert not name.startswith("hauberk") or name.startswith(allowed), (file.name, name)


def add_study(folder, name="Radii", **facts):
    """Write a study's table into a run."""
    table = pl.DataFrame({"label": [0, 1], "prediction": [0, 1], "radius": [0.1, 0.2]})
    known = {"cap": "1", "bounder": "BackwardLinear"} | facts
    metadata = {"study": "CertifiedRadii", "place": "0", "facts": json.dumps(known)}
    (folder / "evaluation/studies").mkdir(exist_ok=True)
    table.write_parquet(folder / f"evaluation/studies/{name}.parquet", metadata=metadata)


def test_studies_of_a_run_are_sections_with_captions(make_run, report):
    folder = make_run()
    add_study(folder, bounder="</figcaption><script>")
    page = report(folder)
    assert "study-1-1" in page.ids
    assert "within which </figcaption><script> proves that the prediction" in page.text
    assert page.tags.count("figure") == page.tags.count("figcaption") == len(FIGURES) + 1
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.product
def test_studies_of_several_runs_are_side_by_side_by_their_names(make_run, report):
    first, second, third = make_run("first"), make_run("second"), make_run("third")
    add_study(first)
    add_study(second)
    add_study(third, "Others")
    page = report(first, second, third)
    assert {"study-1-1", "study-1-2", "study-2-1"} <= set(page.ids)
    assert page.tags.count("figure") == 3 * len(FIGURES) + 5  # and one of all trainings, one of all curves
    assert re.search(r"Radii .* first\. For each .* second\. For each .* Others .* third\. For each", page.text)
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.product
def test_where_no_attack_succeeded_no_difference_is_explained(make_run, report):
    folder = make_run()
    assert "The difference is drawn from" in report(folder).text
    same = tensors()
    same["adversarial"] = same["inputs"]
    save_file(same, folder / "evaluation/examples.safetensors")
    page = report(folder)
    assert "No attack misled the answer to any of them, so there is no difference." in page.text
    assert "The difference is drawn" not in page.text


@pytest.mark.product
def test_examples_that_are_no_images_are_not_called_so(make_run, report):
    folder = make_run()
    (folder / "run.json").write_text(json.dumps(RUN | {"inputs": "examples"}), encoding="utf-8")
    (folder / "evaluation/examples.safetensors").unlink()
    page = report(folder)
    assert "Of 200 test examples, 98.0 % are classified correctly" in page.text
    assert not re.search(r"\bimages?\b", page.text)


@pytest.mark.product
def test_a_table_of_distances_needs_an_attack_that_looks_for_the_nearest_point(make_run, report):
    page = report(make_run(attacks=[attack_row("PGD-40 x 3", 16, 16, 180, minimum_distance=False)]))
    assert "distances" not in page.ids
    assert "istance" not in page.text
    assert "PGD-40 x 3 white box 196 16 16 90.00 % 84.97 – 93.79 % 60.0 s" in page.text


def with_recipe(folder, recipe, **about):
    """Give a run another recipe, and perhaps other facts."""
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(RUN | about), encoding="utf-8")
    return folder


@pytest.mark.product
def test_final_weights_are_compared_with_the_best_and_lead_to_their_training(make_run, report):
    recipe = "trainer: {keep: best, judge: {class: attacks.PGD}}\n"
    best, final = (with_recipe(make_run(name, curve=[]), recipe) for name in ("a", "a/variants/final"))
    (final / "train.jsonl").unlink()
    page = report(best, final)
    assert "The final weights are the kept ones of a." in page.text
    assert "weights" not in page.ids
    with_recipe(final, recipe, weights_sha256="cd" * 32)
    page = report(best, final)
    assert "best against final clean 98.00 % 98.00 % +0.00 −2.17 to +2.17 0 0 200" in page.text
    assert "These are the final weights of the training of a ." in page.text
    assert "but on held-out examples what PGD leaves: a sign" in page.text
    assert "compared" not in page.ids  # there is one training


def test_runs_that_differ_in_one_number_are_drawn_against_it(make_run, report):
    runs = [with_recipe(make_run(f"width-{width}", curve=[]), f"network: {{width: {width}}}\n") for width in (1, 2)]
    page = report(*runs)
    assert {"sweep", "compared"} <= set(page.ids)
    assert "Accuracy against network.width" in page.text
    assert "The recipes of these 2 runs differ in this number alone" in page.text
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.product
def test_a_collapse_is_told(make_run, report):
    folder = make_run(curve=[])
    rows = journal()
    rows[-1] |= {"detector_robust": 0.1, "collapsed": True}
    epoch = next(row for row in rows if row["kind"] == "epoch")
    epoch |= {"detector_robust": 0.6, "collapsed": False}
    write_lines(folder / "train.jsonl", rows)
    told = "At the end of epoch 2 it found the accuracy fallen from 60.0 % to 10.0 %: catastrophic overfitting."
    assert told in report(folder).text
    rows[-1] |= {"collapsed": False}
    write_lines(folder / "train.jsonl", rows)
    assert "The detector attacks the first batch of every epoch, and noticed no collapse." in report(folder).text


@pytest.mark.product
def test_runs_of_one_name_are_told_apart(make_run, report):
    page = report(*(make_run(f"{name}/variants/final", curve=[]) for name in "ab"))
    assert "a/final Small on MNIST" in page.text
    assert "Run b/final" in page.text


@pytest.mark.product
def test_errors_of_test_examples_are_told_as_what_they_are(make_run, report):
    folder = with_recipe(make_run(curve=[]), "trainer: {test_judge: {class: attacks.PGD}}\n")
    assert "test-errors" not in report(folder).ids
    rows = journal()
    first, last = (row for row in rows if row["kind"] == "epoch")
    first |= {"test_clean": 0.8, "test_robust": 0.5}
    last |= {"test_clean": 0.9, "test_robust": 0.4}
    write_lines(folder / "train.jsonl", rows)
    page = report(folder)
    assert "robust against PGD. Nothing was chosen by them" in page.text
    assert "best (epoch 1) final (mean ± deviation of the last 2)" in page.text
    assert "robust 50.00 % 55.00 % ± 5.00 +5.00 standard 20.00 % 15.00 % ± 5.00 −5.00" in page.text
    assert "dashes test examples" in page.text
