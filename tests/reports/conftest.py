"""Small runs in folders of their own, for the tests of the report."""

import json

import pytest
from safetensors.numpy import save_file

from reports.synthetic import RUN, journal, records, summary, tensors, write_lines


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
