"""What is read of a run, and that every fault names its file and what to do."""

import json

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from hauberk.errors import InputError
from hauberk.reports.run_files import read_run, read_runs
from reports.synthetic import EXAMPLES, accuracies, journal, records, summary, tensors, write_lines


def test_reads_everything(make_run):
    run = read_run(make_run("small"))
    assert run.name == "small"
    assert run.recipe == "threat: {eps: 0.1}\n"
    assert (run.about.parameters, run.about.seed) == (166406, 7)
    assert [run.summary.clean.count, run.summary.attacked.count, run.summary.certified.count] == [196, 180, 150]
    assert [point.eps for point in run.summary.curve] == [0.05, 0.2]
    assert [verifier.name for verifier in run.summary.provers] == ["interval"]
    assert run.records["index"].to_list() == list(range(EXAMPLES))
    assert run.training is not None
    assert (len(run.training.steps), len(run.training.epochs), run.training.last.seconds) == (8, 2, 20.0)
    assert run.layers[0].unstable == 0.05
    assert run.examples is not None
    assert run.examples.adversarial_predictions.tolist() == [5, 1, 2, 3]


def test_reads_every_evaluation_once(make_run, judge):
    folder = make_run("run")
    place = judge(folder, "strong", "threat: {eps: 0.2}\ntrainer: {epochs: 9}\n", threat="linf eps 0.2")
    own, strong = read_runs([folder, folder])
    assert [own.evaluation, strong.evaluation] == ["", "strong"]
    assert (own.judged_by, own.keys) == (own.recipe, {"threat.eps": 0.1})
    assert (strong.recipe, strong.judged_by) == (own.recipe, (place / "recipe.yaml").read_text())
    assert strong.keys == {"threat.eps": 0.2, "training_threat.eps": 0.1}
    assert (own.summary.threat, strong.summary.threat) == ("linf eps 0.1", "linf eps 0.2")
    assert [run.evaluation for run in read_runs([place])] == ["strong"]
    assert (own.home, strong.home) == (folder, folder)
    assert own.folder != strong.folder


def test_an_evaluation_with_a_name_needs_the_recipe_that_it_used(make_run, judge):
    place = judge(make_run(), "strong")
    (place / "recipe.yaml").unlink()
    with pytest.raises(InputError, match=r"recipe\.yaml cannot be read.*`hauberk evaluate`.* --as 'strong'"):
        read_run(place)


@pytest.mark.parametrize(
    ("file", "content"), [("recipe.yaml", b"a: [\n"), ("recipe.yaml", b"\xff"), ("plan.json", b"{")]
)
def test_names_a_damaged_file_of_an_evaluation(make_run, judge, file, content):
    place = judge(make_run(), "strong")
    (place / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"evaluations/strong/{file}"):
        read_run(place)


def test_an_evaluation_that_is_not_finished_is_named(make_run, judge):
    folder = make_run()
    (judge(folder, "strong") / "summary.json").unlink()
    with pytest.raises(InputError, match=r"evaluations/strong/summary\.json cannot be read.* --as 'strong'"):
        read_runs([folder])
    assert read_run(folder / "evaluation").evaluation == ""


@pytest.mark.parametrize(
    ("entry", "kind", "runs"), [("stages/1", "cascade", "stages/1"), ("sweep.yaml/x", "sweep", "points/001")]
)
def test_refuses_folders_of_other_kinds_by_their_kind(tmp_path, entry, kind, runs):
    (tmp_path / "other" / entry).mkdir(parents=True)
    (tmp_path / "other/recipe.yaml").touch()
    with pytest.raises(InputError, match=rf"other is the folder of a {kind}: pass runs, say .*other/{runs}"):
        read_runs([tmp_path / "other"])


def test_a_short_training_has_epochs_only(make_run):
    folder = make_run()
    write_lines(folder / "train.jsonl", [row for row in journal() if row["kind"] == "epoch"])
    training = read_run(folder).training
    assert training is not None
    assert training.rows == training.epochs


def test_optional_files_may_be_missing(make_run):
    folder = make_run(curve=[])
    for file in ("train.jsonl", "evaluation/layers.json", "evaluation/examples.safetensors"):
        (folder / file).unlink()
    run = read_run(folder)
    assert (run.training, run.layers, run.examples, run.summary.curve) == (None, [], None, [])


def test_an_empty_journal_is_no_training(make_run):
    folder = make_run()
    (folder / "train.jsonl").write_text("")
    assert read_run(folder).training is None


def test_keys_of_later_versions_are_ignored_and_defaults_fill_in(make_run):
    folder = make_run()
    content = summary(invented={"later": [1]})
    for key in ("seed", "curve", "curve_attack"):
        del content[key]
    (folder / "evaluation/summary.json").write_text(json.dumps(content))
    read = read_run(folder).summary
    assert (read.seed, read.curve, read.curve_attack) == (None, [], "")


def test_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="absent is not the folder of a run"):
        read_run(tmp_path / "absent")


@pytest.mark.parametrize("file", ["recipe.yaml", "run.json", "evaluation/summary.json"])
def test_names_a_missing_file(make_run, file):
    folder = make_run()
    (folder / file).unlink()
    with pytest.raises(InputError, match=rf"{file} cannot be read.*run `hauberk (train|evaluate)`"):
        read_run(folder)


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("recipe.yaml", b"\xff\xfe\x00", "recipe.yaml cannot be read"),
        ("run.json", b"{", "run.json is not what it must be"),
        ("run.json", b"[]", "run.json .*the file must be an object, but is list"),
        ("run.json", b"{}", "run.json .*hauberk is missing"),
        ("train.jsonl", b'{"kind": "step"', r"train.jsonl, line 1, .*delete the line"),
        ("train.jsonl", b'{"kind": "step"}\n', r"train.jsonl, line 1, .*epoch is missing"),
        ("evaluation/summary.json", b"null", "summary.json .*but is null"),
        ("evaluation/layers.json", b'[{"name": "1"}]', r"layers.json .*\[0\].neurons is missing"),
        ("evaluation/layers.json", b'{"name": "1"}', r"layers.json .*must be list"),
        ("evaluation/examples.safetensors", b"<html>", "examples.safetensors does not hold the examples"),
        ("evaluation/records/000000000.parquet", b"PAR1", "000000000.parquet .*Parquet"),
    ],
)
def test_names_a_corrupt_file(make_run, file, content, fault):
    folder = make_run()
    (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=fault):
        read_run(folder)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"clean": None}, "clean must be an object, but is null"),
        ({"eps": "0.1"}, "eps must be float, but is str"),
        ({"eps": True}, "eps must be float, but is bool"),
        ({"examples": 200.5}, "examples must be int, but is float"),
        ({"clean": {"count": 196, "share": float("nan"), "low": 0.9, "high": 1}}, "clean: a share of nan .*impossible"),
        ({"clean": {"count": 196, "share": 0.98, "low": 0.99, "high": 1}}, "clean: a share of 0.98 .*impossible"),
        (accuracies(0.1, 196, 140, 150), "certified 150, attacked 140"),
        ({"curve": [accuracies(0.1, 90, 95, 20)]}, r"curve\[0\]: certified 20, attacked 95, clean 90"),
    ],
)
def test_names_an_impossible_value(make_run, changes, fault):
    folder = make_run(**changes)
    with pytest.raises(InputError, match=rf"summary\.json is not what it must be \({fault}.*run `hauberk evaluate`"):
        read_run(folder)


def test_names_an_unknown_line_of_the_journal(make_run):
    folder = make_run()
    write_lines(folder / "train.jsonl", [journal()[0], journal()[0] | {"kind": "note"}])
    with pytest.raises(InputError, match=r'train\.jsonl, line 2: kind must be step or epoch, not "note"'):
        read_run(folder)


def test_refuses_records_that_do_not_fit_the_summary(make_run):
    folder = make_run()
    (folder / "evaluation/records/000000120.parquet").unlink()
    with pytest.raises(InputError, match=r"speaks of 200 examples, but .*records holds 120"):
        read_run(folder)


def test_refuses_records_without_a_column(make_run):
    folder = make_run()
    (folder / "evaluation/records/000000120.parquet").unlink()
    records().drop("lower").write_parquet(folder / "evaluation/records/000000000.parquet")
    with pytest.raises(InputError, match="records lacks the columns lower"):
        read_run(folder)


def test_reads_records_of_releases_that_knew_no_radii(make_run):
    folder = make_run()
    for file in (folder / "evaluation/records").iterdir():
        pl.read_parquet(file).drop("radius").write_parquet(file)
    found = read_run(folder).records
    assert found["radius"].null_count() == len(found) == EXAMPLES


@pytest.mark.parametrize("name", ["adversarial", "labels", "index"])
def test_refuses_examples_that_do_not_fit_together(make_run, name):
    folder = make_run()
    content = tensors()
    save_file(content | {name: content[name][:2].copy()}, folder / "evaluation/examples.safetensors")
    with pytest.raises(InputError, match=r"examples\.safetensors: the shapes .* do not fit together"):
        read_run(folder)


@pytest.mark.parametrize("count", [0, 3])
def test_leaves_out_what_cannot_be_drawn(make_run, count):
    folder = make_run()
    content = tensors(count=count)
    if count:
        content |= {name: np.ascontiguousarray(content[name][:, 0, 0]) for name in ("inputs", "adversarial")}
    save_file(content, folder / "evaluation/examples.safetensors")
    assert read_run(folder).examples is None
