"""Folders of runs that are damaged, and places where nothing can be written."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import save_file

from hostile.cases import Case, each_kind_first
from hostile.makers import cut
from hostile.test_recipe_text import TEXT

JSON = {
    "empty": b"",
    "text": b"<html>",
    "cut": b'{"a": ',
    "list": b"[]",
    "number": b"1",
    "null": b"null",
    "other": b"{}",
    "nested": b"[" * 100_000,
    "nested mappings": b'{"a":' * 50_000,
    "UTF-16": "{}".encode("utf-16"),
    "latin-1": b'{"\xe4": 1}',
    "long number": b'{"seed": ' + b"9" * 5000 + b"}",
    "zeros": bytes(99),
}


def run_folder(folder: Path, changes: dict[str, bytes | Callable[[Path], object]]) -> None:
    """Make what looks like the folder of a run, with some of its files replaced, or made."""
    files: dict[str, bytes | Callable[[Path], object]] = {"recipe.yaml": TEXT.encode(), "run.json": b"{}"}
    for name, content in (files | changes).items():
        (folder / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(folder / "run" / name)
        else:
            (folder / "run" / name).write_bytes(content)


def of(kind: str, name: str, command: str, **changes: bytes | Callable[[Path], object]) -> Case:
    """Return the case of a run's folder with some files, whose names have __ for a slash and _ for a dot."""
    named = {key.replace("__", "/").replace("_", "."): content for key, content in changes.items()}

    def prepare(folder: Path) -> list[str]:
        run_folder(folder, named)
        return [command, "run"]

    return Case(kind, f"{name}, {command}", prepare)


def weights(path: Path) -> None:
    """Write weights that are not the network's."""
    save_file({"a": np.zeros(3, np.float32)}, path)


def table(rows: int) -> Callable[[Path], object]:
    """Return what writes a table of so many equal rows."""
    return lambda path: pl.DataFrame({"index": np.zeros(rows, np.int64)}).write_parquet(path)


def resumed(name: str, file: str, content: bytes) -> Case:
    """Return the case of training that is to go on from a damaged file."""

    def prepare(folder: Path) -> list[str]:
        run_folder(folder, {file: content, "recipe.yaml": content if file == "recipe.yaml" else TEXT.encode()})
        return ["train", "mnist-demo", "--run", "run", "--resume", "--set", "seed=1"]

    return Case("recipe of a run to resume", name, prepare)


SAFE = b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "
HUGE = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'
SPECIAL = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
}
CASES = [
    *[of("run.json", n, "report", run_json=c, evaluation__summary_json=b"{}") for n, c in JSON.items()],
    *[of("summary.json", n, "report", evaluation__summary_json=c) for n, c in JSON.items()],
    *[
        of("recipe of a run", n, "evaluate", recipe_yaml=c, model_safetensors=weights)
        for n, c in JSON.items()
        if n != "zeros"
    ],
    *[
        of("weights", n, "evaluate", model_safetensors=c)
        for n, c in {
            "empty": b"",
            "text": b"<html>",
            "others": weights,
            "none": SAFE,
            "promise": b"\xff" * 8 + b"{}",
            "pickle": b"\x80\x02.",
            "terabytes": len(HUGE).to_bytes(8, "little") + HUGE,
            "torch": lambda path: torch.save({"a": torch.zeros(3)}, path),
        }.items()
    ],
    *[of("weights that are no file", n, "evaluate", model_safetensors=c) for n, c in SPECIAL.items()],
    *[
        of("recipe that is no file", n, "report", recipe_yaml=c, evaluation__summary_json=b"{}")
        for n, c in SPECIAL.items()
    ],
    *[of("summary that is no file", n, "report", evaluation__summary_json=c) for n, c in SPECIAL.items()],
    *[of("missing file", n, "evaluate", **{n: b""}) for n in ("train_jsonl", "run_json")],
    *[resumed(n, "recipe.yaml", c) for n, c in JSON.items()],
]


@each_kind_first(CASES)
def test_folders_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))


@pytest.mark.parametrize("name", ["mnist.safetensors", "mnist.pt"])
@pytest.mark.parametrize("share", [0, 1, 30, 60, 97])
def test_weights_cut_short_are_refused(name: str, share: int, refused: Callable[..., str], tmp_path: Path):
    file = tmp_path / "inputs" / name
    torch.save({"a": torch.zeros(99)}, file) if name.endswith("pt") else save_file({"a": np.zeros(99)}, file)
    file.write_bytes(cut(file.read_bytes())[f"first {share} %"])
    given = f"trainer.initialisation={{class: training.GivenWeights, file: {name}}}"
    refused("train", "mnist-demo", "--scale", "smoke", "--set", given, "--run", "../run")
