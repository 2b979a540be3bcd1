"""Checkpoints that a kill at any moment leaves whole: safetensors and JSON, never a pickle."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from hauberk.atomic import sweep, unfinished, write_text
from hauberk.errors import InputError
from hauberk.files import read_text, regular
from hauberk.identity import objection
from hauberk.weights import LARGEST, load_state, save_state

APART = "not in the state dict: "
"""Begins the names of buffers that a network's state dict leaves out."""
STEP = re.compile(r"\d{9,}")
"""The name of a step's checkpoint; what has another name was not written here."""
DIGESTS = "digests.json"
"""The file of a checkpoint with the SHA-256 of all its others: a changed number is damage, too."""
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
    final = folder / f"{step:09d}"
    temporary = unfinished(final)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, object] = {}
    for number, values in state["state"].items():
        for name, value in values.items():
            target = tensors if isinstance(value, Tensor) else scalars
            target[f"{number}.{name}"] = value
    for name, file in {"model": whole_state(network), "optimizer": tensors, **others}.items():
        save_state(file, temporary / f"{name}.safetensors")
    content = {"step": step, "counters": counters, "scalars": scalars, "groups": state["param_groups"]}
    content["experiment"] = experiment
    write_text(temporary / "state.json", json.dumps(content))
    write_text(temporary / DIGESTS, json.dumps(digests(temporary)))
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
    for other in steps(folder):
        if other != final:
            shutil.rmtree(other)
    sweep(folder)


def steps(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, oldest first, and nothing else that may lie there."""
    found = [path for path in folder.glob("*") if STEP.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]
    return sorted(found, key=lambda path: int(path.name))


def digests(checkpoint: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a checkpoint, by name."""
    found = {}
    for path in sorted(checkpoint.iterdir()):
        if path.name != DIGESTS:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def require_whole(checkpoint: Path) -> None:
    """Raise unless the files of a checkpoint are those that were written, to the bit.

    Raises:
        OSError: one is missing, or no regular file.
        ValueError: one is another.
    """
    for path in checkpoint.iterdir():
        regular(path, LARGEST)
    written, found = json.loads(read_text(checkpoint / DIGESTS)), digests(checkpoint)
    if written != found:
        other = sorted({name for name, _ in written.items() ^ found.items()})
        raise ValueError(f"not as they were written are {', '.join(other)}")


def load_checkpoint(
    folder: Path, experiment: Any, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any], dict[str, dict[str, Tensor]]] | None:
    """Restore the newest checkpoint in place; return its step, its counters and the other tensors.

    None if there is no checkpoint.

    Raises:
        InputError: the checkpoint is damaged or belongs to another experiment; the message names it and what differs.
    """
    found = steps(folder)
    if not found:
        return None
    newest = found[-1]
    try:
        require_whole(newest)
        content = json.loads(read_text(newest / "state.json"))
        if why := objection(content["experiment"], experiment):
            raise InputError(why)
        device = next(network.parameters()).device
        tensors = load_state(newest / "optimizer.safetensors", str(device))
        load_whole_state(network, load_state(newest / "model.safetensors", str(device)))
        others = {name: load_state(newest / f"{name}.safetensors", str(device)) for name in OTHERS}
        state: dict[int, dict[str, object]] = {}
        for key, value in (tensors | content["scalars"]).items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
        lay_out_alike(optimizer)
    except DAMAGE as error:
        raise InputError(f"checkpoint {newest} cannot be restored: {error}. Delete it to start afresh.") from error
    return content["step"], content["counters"], others


def lay_out_alike(optimizer: torch.optim.Optimizer) -> None:
    """Store what an optimizer remembers of a parameter in its order, which fused updates take for granted."""
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def whole_state(network: nn.Module) -> dict[str, Any]:
    """Return a network's state dict, and the buffers that it leaves out, which training may change too."""
    state = network.state_dict()
    kept = {name for name in state if isinstance(state[name], Tensor)}
    return state | {APART + name: buffer for name, buffer in network.named_buffers() if name not in kept}


def load_whole_state(network: nn.Module, state: dict[str, Any]) -> None:
    """Load what `whole_state` returned."""
    buffers = dict(network.named_buffers())
    with torch.no_grad():
        for name in [name for name in state if name.startswith(APART)]:
            buffer, kept = buffers[name.removeprefix(APART)], state.pop(name)
            if not torch.equal(buffer, kept):  # a constant may be expanded, which cannot be written
                buffer.copy_(kept)
    network.load_state_dict(state)
