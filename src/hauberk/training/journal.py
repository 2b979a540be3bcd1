"""The journal of training, one JSON object per line, and the running sums behind it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.atomic import write_text
from hauberk.concepts.objective import ObjectiveValue
from hauberk.errors import InputError
from hauberk.files import read_text
from hauberk.training.team import Team

Record = dict[str, Any]
Watcher = Callable[[Record], None]
"""Called with every record as it is written."""


class Tally:
    """Sums over the examples of several steps, kept on the device: reading them waits for it, adding does not.

    Args:
        device: holds the sums.
    """

    def __init__(self, device: torch.device) -> None:
        self.counts = [0.0, 0.0, 0.0]
        """The numbers of examples behind each of the sums, known without the device."""
        self.found = torch.zeros(3, dtype=torch.float64, device=device)
        """The sums: of the loss, of examples classified correctly, of robust ones."""
        self.none = torch.zeros((), dtype=torch.float64, device=device)

    def add(self, value: ObjectiveValue, examples: int, *others: "Tally") -> None:
        """Add a batch of this many examples, to other tallies as well."""
        masks = (value.correct, value.robust)
        right = [self.none if mask is None else mask.sum(dtype=torch.float64) for mask in masks]
        batch = torch.stack([examples * value.loss.detach().double(), *right])
        known = [1, *(mask is not None for mask in masks)]
        for tally in (self, *others):
            tally.counts = [count + examples * each for count, each in zip(tally.counts, known, strict=True)]
            tally.found += batch

    @property
    def sums(self) -> Float[Tensor, "6"]:
        """Each count, and the sum of its examples."""
        return torch.stack([self.found.new_tensor(self.counts), self.found], 1).flatten()

    def restore(self, sums: list[float]) -> None:
        """Go on from counts and sums."""
        self.counts, self.found = sums[::2], self.found.new_tensor(sums[1::2])

    def averages(self, team: Team) -> Record:
        """Return the means of loss, clean and robust accuracy over all processes, and reset the sums."""
        count, loss, looked, correct, attacked, robust = team.total(self.sums).tolist()
        self.restore([0.0] * 6)
        clean = correct / looked if looked else None
        return {"loss": loss / count, "clean": clean, "robust": robust / attacked if attacked else None}


def up_to(path: Path, step: int) -> Iterator[str]:
    """Yield the lines of a journal up to a step, without one that a kill has cut.

    Raises:
        InputError: a line is damaged.
    """
    try:
        for line in read_text(path).splitlines(keepends=True):
            if line.endswith("}\n") and json.loads(line)["step"] <= step:
                yield line
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"the journal {path} is damaged ({error!r}): delete it, and training goes on.") from error


class Journal:
    """A file of records, shown to a watcher as it grows.

    Args:
        path: the file.
        watch: called with every record.
        step: records of later steps are dropped when the file is opened.
        silent: write and show nothing, as in all processes but the first.
    """

    def __init__(self, path: Path, watch: Watcher, step: int, *, silent: bool = False) -> None:
        self.path, self.watch, self.silent = path, watch, silent
        if silent:
            return
        write_text(path, "".join(up_to(path, step) if step and path.exists() else []))

    def write(self, record: Record) -> None:
        """Append a record, written to disk at once for anyone reading along."""
        if self.silent:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.watch(record)
