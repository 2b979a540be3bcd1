"""The contents of a small run, in the exact formats of the files."""

import json

import numpy as np
import polars as pl
from safetensors.numpy import save_file

from hauberk.evaluation.records import SCHEMA, attack_schema, broken_column, distance_column
from hauberk.evaluation.statistics import share

EXAMPLES = 200
RUN = {
    "hauberk": "0.1.0",
    "torch": "2.13.0",
    "python": "3.11.7",
    "platform": "Linux x86_64",
    "threads": 2,
    "seed": 7,
    "dataset": "MNIST",
    "network": "hauberk.architectures.Small",
    "parameters": 166406,
    "threat": "linf eps 0.1",
    "started": "2026-01-01T00:00:00+00:00",
    "weights_sha256": "ab" * 32,
}


def accuracies(eps, clean, attacked, certified, examples=EXAMPLES):
    counts = {"clean": clean, "attacked": attacked, "certified": certified}
    return {"eps": eps, "examples": examples} | {name: share(count, examples) for name, count in counts.items()}


def attack_row(name, first, succeeded, left, **changes):
    """What summary.json says of an attack that was tried on all 196 correct examples."""
    return {
        "name": name,
        "black_box": False,
        "broken": first,
        "tried": 196,
        "succeeded": succeeded,
        "alone": share(left, EXAMPLES),
        "found": succeeded,
        "never": 196 - succeeded,
        "median_distance": 0.0975,
        "mean_distance": 0.096,
        "seconds": 60.0,
        "not_applicable": None,
    } | changes


def summary(**changes):
    """The content of summary.json: 196 correct, 180 withstand, 150 are proven."""
    return {
        "subject": "network",
        "threat": "linf eps 0.1",
        "confidence": 0.95,
        "arithmetic": "float32, widened outward by its rounding error",
        "seed": 7,
        "seconds": 93.1,
        **accuracies(0.1, 196, 180, 150),
        "attacks": [attack_row("PGD-40 x 3", 14, 14, 182), attack_row("Square", 2, 9, 187, black_box=True)],
        "every_attack": True,
        "masking": [],
        "verifiers": [
            {"name": "interval", "certified": 150, "seconds": 2.0, "not_applicable": None},
            {"name": "mixed-integer", "certified": 0, "seconds": 0.0, "not_applicable": "no pieces for Sigmoid"},
        ],
        "curve": [accuracies(0.05, 98, 95, 90, 100), accuracies(0.2, 98, 70, 20, 100)],
        "curve_attack": "PGD-40, one restart",
    } | changes


def journal():
    """The lines of train.jsonl: two epochs of four steps."""
    rows = []
    for step in range(1, 9):
        row = {"epoch": step / 4, "step": step, "steps": 8, "loss": 2.5 / step, "clean": 0.5 + step / 20, "robust": 0.5}
        row |= {"radius": step / 8, "learning_rate": 0.001, "seconds": 2.5 * step}
        rows.append({"kind": "step", **row})
        if step % 4 == 0:
            rows.append({"kind": "epoch", **row, "validation_clean": 0.9, "validation_robust": 0.6})
    return rows


def records():
    lower = [0.5 + i / 100 if i < 150 else None if i > 195 else -0.5 - i / 100 for i in range(EXAMPLES)]
    columns = {
        "index": list(range(EXAMPLES)),
        "label": [i % 10 for i in range(EXAMPLES)],
        "prediction": [i % 10 if i < 196 else (i + 1) % 10 for i in range(EXAMPLES)],
        "margin": [1.0] * EXAMPLES,
        "broken_by": [first_breaker(i) for i in range(EXAMPLES)],
        "distance": [0.1 - (i % 7) / 100 if first_breaker(i) else None for i in range(EXAMPLES)],
        "certified_by": ["interval" if i < 150 else None for i in range(EXAMPLES)],
        "lower": lower,
        "radius": [None] * EXAMPLES,
        "eps": [0.1] * EXAMPLES,
        "seconds": [0.1] * EXAMPLES,
    }
    for name, whole in [("PGD-40 x 3", range(180, 194)), ("Square", range(187, 196))]:
        columns[broken_column(name)] = [i in whole if i < 196 else None for i in range(EXAMPLES)]
        columns[distance_column(name)] = [0.1 - (i % 7) / 100 if i in whole else None for i in range(EXAMPLES)]
    return pl.DataFrame(columns, schema=SCHEMA | attack_schema(["PGD-40 x 3", "Square"]))


def with_radii(folder):
    """Give a run radii: from 0.1 to 0.249 for what is proven, 0.05 for what is open, 0 for what is broken."""
    radius = [0.1 + i / 1000 if i < 150 else 0.05 if i < 180 else 0.0 if i < 196 else None for i in range(EXAMPLES)]
    for file in (folder / "evaluation/records").iterdir():
        found = pl.read_parquet(file)
        own = pl.Series("radius", [radius[i] for i in found["index"]], pl.Float32)
        found.with_columns(own).write_parquet(file)
    return folder


def smoothed(**changes):
    """What summary.json says of a smoothed network, instead of what it says of a network."""
    votes = {"name": "votes", "certified": 150, "seconds": 2.0, "not_applicable": None, "confidence": 0.999}
    return {
        "subject": "smoothed network",
        "threat": "l2 eps 0.1",
        "norm": "l_2",
        "arithmetic": "Gaussian noise, sigma 0.25, of which floating-point numbers are samples",
        "verifiers": [votes],
        "statement": {"confidence": 0.999, "failure": 0.001, "failures": 2, "at_least": 148, "tried": 196, "equal": 1},
        "smoothing": {"noise": "Gaussian noise, sigma 0.25", "votes": 1000, "confidence": 0.999, "attacked": 32},
        "curve": [],
    } | changes


def first_breaker(example):
    return "PGD-40 x 3" if 180 <= example < 194 else "Square" if 194 <= example < 196 else None


def tensors(channels=1, count=4):
    inputs = np.random.default_rng(0).random((count, channels, 6, 5), np.float32)
    adversarial = inputs.copy()
    adversarial[:, 0, 2, 2] -= 0.1
    adversarial[:, -1, 3, 3] += 0.05
    labels = np.arange(count)
    return {
        "inputs": inputs,
        "adversarial": adversarial,
        "labels": labels,
        "clean_predictions": labels,
        "adversarial_predictions": labels + (labels < 1) * 5,
        "index": labels + 40,
    }


def write_run(folder, **changes):
    """Write the files of a run and of its own evaluation, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text("threat: {eps: 0.1}\n", encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(RUN), encoding="utf-8")
    write_lines(folder / "train.jsonl", journal())
    write_evaluation(folder / "evaluation", **changes)
    return folder


def write_evaluation(place, **changes):
    """Write the files of an evaluation."""
    (place / "records").mkdir(parents=True)
    (place / "summary.json").write_text(json.dumps(summary(**changes)), encoding="utf-8")
    records()[:120].write_parquet(place / "records/000000000.parquet")
    records()[120:].write_parquet(place / "records/000000120.parquet")
    layers = [{"name": "1", "neurons": 3136, "active": 0.2, "inactive": 0.75, "unstable": 0.05}]
    (place / "layers.json").write_text(json.dumps(layers), encoding="utf-8")
    save_file(tensors(), place / "examples.safetensors")


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
