"""Checkpoints that a kill at any moment leaves whole: safetensors and JSON, never a pickle."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.identity import objection

OTHERS = ("memory", "average")
"""The files of tensors that neither network nor optimizer holds."""
DAMAGE = (OSError, ValueError, RuntimeError, TypeError, KeyError, AttributeError, IndexError, SafetensorError)
"""Errors that a checkpoint causes which is not what was written."""


def save_checkpoint(
    folder: Path,
    step: int,
    experiment: Any,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    counters: dict[str, Any],
    others: dict[str, dict[str, Tensor]],
) -> None:
    """Write the checkpoint of a step as a new folder that appears whole, then remove the older ones.

    `experiment` is the identity of the run. The `others` are further files of tensors, named as in OTHERS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final, temporary = folder / f"{step:09d}", folder / f".{step:09d}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, object] = {}
    for number, values in state["state"].items():
        for name, value in values.items():
            target = tensors if isinstance(value, Tensor) else scalars
            target[f"{number}.{name}"] = value
    for name, file in {"model": network.state_dict(), "optimizer": tensors, **others}.items():
        save_file({k: v.contiguous() for k, v in file.items()}, temporary / f"{name}.safetensors")
    content = {"step": step, "counters": counters, "scalars": scalars, "groups": state["param_groups"]}
    content["experiment"] = experiment
    (temporary / "state.json").write_text(json.dumps(content), encoding="utf-8")
    for path in temporary.iterdir():
        with path.open("rb") as written:
            os.fsync(written.fileno())
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
    for other in folder.iterdir():
        if other != final:
            shutil.rmtree(other)


def load_checkpoint(
    folder: Path, experiment: Any, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any], dict[str, dict[str, Tensor]]] | None:
    """Restore the newest checkpoint in place; return its step, its counters and the other tensors.

    None if there is no checkpoint. One by a release that did not record the experiment is taken at its word.

    Raises:
        InputError: the checkpoint is damaged or belongs to another experiment; the message names it and what differs.
    """
    found = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
    if not found:
        return None
    newest = found[-1]
    try:
        content = json.loads(read_text(newest / "state.json"))
        if not isinstance(content, dict) or not content.keys() >= {"step", "counters", "scalars", "groups"}:
            raise ValueError("state.json is damaged")
        kept = content.get("experiment", experiment)
        if not isinstance(kept, dict):
            raise ValueError("state.json is damaged: its experiment is not a mapping")
        if why := objection(kept, experiment):
            raise InputError(why)
        device = next(network.parameters()).device
        tensors = load_file(newest / "optimizer.safetensors", device=str(device))
        network.load_state_dict(load_file(newest / "model.safetensors", device=str(device)))
        others = {name: load_file(newest / f"{name}.safetensors", device=str(device)) for name in OTHERS}
        state: dict[int, dict[str, object]] = {}
        for key, value in (tensors | content["scalars"]).items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
        step, counters = int(content["step"]), dict(content["counters"])
    except DAMAGE as error:
        raise InputError(f"checkpoint {newest} cannot be restored: {error}. Delete it to start afresh.") from error
    return step, counters, others
