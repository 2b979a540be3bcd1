import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hauberk.errors import InputError
from hauberk.watching import WeightsAndBiases


def test_each_variant_is_a_run_of_one_group_and_no_code_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    told: list[Any] = []

    def init(**arguments: Any) -> SimpleNamespace:
        told.append(arguments)
        return SimpleNamespace(
            log=lambda scalars, step: told.append((scalars, step)), finish=lambda: told.append("finished")
        )

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))  # pyright: ignore[reportArgumentType]
    with WeightsAndBiases("robustness", "mnist", tmp_path) as watcher:
        assert told == [], "nothing begins before the first record"
        watcher({"kind": "epoch", "step": 7, "loss": 0.5, "measure": "attacked"})
        watcher({"kind": "epoch", "step": 1, "loss": 0.25, "variant": "tiny"})
    first, *_, second = (each for each in told if isinstance(each, dict))
    assert (first["project"], first["name"], second["name"]) == ("robustness", "mnist", "mnist-tiny")
    assert first["group"] == second["group"] == "mnist"
    assert first["settings"] == {"console": "off", "disable_git": True, "save_code": False}
    rest = [each for each in told if not isinstance(each, dict)]
    assert rest == [({"epoch/loss": 0.5}, 7), "finished", ({"epoch/loss": 0.25}, 1), "finished"]


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=r"pip install 'hauberk\[wandb\]'"):
        WeightsAndBiases("robustness")


def test_the_client_itself_keeps_scalars_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with WeightsAndBiases("robustness", "mnist", tmp_path) as watcher:
        watcher({"kind": "epoch", "step": 1, "loss": 0.5})
    assert not watcher.failed
    (file,) = tmp_path.rglob("*.wandb")
    assert b"epoch/loss" in file.read_bytes()
