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


def save_checkpoint(
    folder: Path,
    step: int,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    counters: dict[str, Any],
    remembered: list[Tensor],
) -> None:
    """Write the checkpoint of a step as a new folder that appears whole, then remove the older ones."""
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
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, temporary / "model.safetensors")
    save_file({k: v.contiguous() for k, v in tensors.items()}, temporary / "optimizer.safetensors")
    save_file({str(i): rows.contiguous() for i, rows in enumerate(remembered)}, temporary / "memory.safetensors")
    content = {"step": step, "counters": counters, "scalars": scalars, "groups": state["param_groups"]}
    (temporary / "state.json").write_text(json.dumps(content), encoding="utf-8")
    for file in temporary.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
    for other in folder.iterdir():
        if other != final:
            shutil.rmtree(other)


def load_checkpoint(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any], list[Tensor]] | None:
    """Restore the newest checkpoint in place; return its step, its counters and what the objective remembered.

    None where there is no checkpoint.

    Raises:
        InputError: the checkpoint is damaged or of another network; the message names it.
    """
    found = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
    if not found:
        return None
    newest = found[-1]
    try:
        content = json.loads((newest / "state.json").read_text(encoding="utf-8"))
        device = next(network.parameters()).device
        tensors = load_file(newest / "optimizer.safetensors", device=str(device))
        network.load_state_dict(load_file(newest / "model.safetensors", device=str(device)))
        remembered = load_file(newest / "memory.safetensors", device=str(device))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"checkpoint {newest} cannot be restored: {error}. Delete it to start afresh.") from error
    state: dict[int, dict[str, object]] = {}
    for key, value in (tensors | content["scalars"]).items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
    return content["step"], content["counters"], [remembered[str(i)] for i in range(len(remembered))]
