"""What training writes down: one JSON object a line, and the running sums behind it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hauberk.atomic import write_text
from hauberk.concepts.objective import ObjectiveValue

Record = dict[str, Any]
Watcher = Callable[[Record], None]
"""Is shown every record as it is written."""


class Tally:
    """Sums over the examples of several steps, kept on the device: reading them waits for it, adding does not."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)

    def add(self, value: ObjectiveValue) -> None:
        correct = value.correct.sum()
        robust = torch.full_like(correct, -1) if value.robust is None else value.robust.sum()
        count = len(value.correct)
        self.sums += torch.stack([torch.full_like(value.loss, count), value.loss * count, correct, robust]).detach()

    def averages(self) -> Record:
        """Return the means of loss, clean and robust accuracy, and start again from zero."""
        count, loss, correct, robust = self.sums.tolist()
        self.sums.zero_()
        return {"loss": loss / count, "clean": correct / count, "robust": robust / count if robust >= 0 else None}


class Journal:
    """A file of records, opened without what it says about steps after `step`, and shown to a watcher as it grows."""

    def __init__(self, path: Path, watch: Watcher, step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if step and path.exists() else []
        whole = [line for line in lines if line.endswith("}\n")]  # a kill may have cut the last one
        write_text(path, "".join(line for line in whole if json.loads(line)["step"] <= step))
        self.path, self.watch = path, watch

    def write(self, record: Record) -> None:
        """Append a record, at once on disk for whoever reads along."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.watch(record)
