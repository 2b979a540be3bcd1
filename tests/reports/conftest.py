"""Small runs in folders of their own, for the tests of the report."""

import json

import pytest
from safetensors.numpy import save_file

from hauberk.reports.search_files import FAILURE, point_folder, read_search
from reports.synthetic import EXAMPLES, RUN, accuracies, journal, records, summary, tensors, write_lines


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a complete run and returns its folder."""

    def make_run(name="small", **changes):
        folder = tmp_path / name
        (folder / "evaluation/records").mkdir(parents=True)
        (folder / "recipe.yaml").write_text("threat: {eps: 0.1}\n", encoding="utf-8")
        (folder / "run.json").write_text(json.dumps(RUN), encoding="utf-8")
        write_lines(folder / "train.jsonl", journal())
        evaluation = folder / "evaluation"
        (evaluation / "summary.json").write_text(json.dumps(summary(**changes)), encoding="utf-8")
        records()[:120].write_parquet(evaluation / "records/000000000.parquet")
        records()[120:].write_parquet(evaluation / "records/000000120.parquet")
        layers = [{"name": "1", "neurons": 3136, "active": 0.2, "inactive": 0.75, "unstable": 0.05}]
        (evaluation / "layers.json").write_text(json.dumps(layers), encoding="utf-8")
        save_file(tensors(), evaluation / "examples.safetensors")
        return folder

    return make_run


@pytest.fixture
def searched(tmp_path):
    """A function that writes the points of a sweep by their counts (clean, certified, attacked) and reads them back.

    The training of a point without counts failed.
    """

    def searched(*counts, value=None, examples=EXAMPLES, **changes):
        for number, given in enumerate(counts, start=1):
            place = point_folder(tmp_path, number)
            (place / "validation").mkdir(parents=True)
            if given is None:
                (place / FAILURE).write_text("the loss is nan", encoding="utf-8")
                continue
            clean, certified, attacked = (*given, max(180, given[1]))[:3]
            content = summary(**(accuracies(0.1, clean, min(attacked, clean), certified, examples) | changes))
            (place / "validation" / "summary.json").write_text(json.dumps(content), encoding="utf-8")
        return read_search(tmp_path, [{"trainer.epochs": value or number} for number in range(1, len(counts) + 1)])

    return searched
