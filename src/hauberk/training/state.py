"""What moves in a training: all that its checkpoints must hold."""

import math
from pathlib import Path
from typing import Any

import torch
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn

from hauberk.concepts.memory import Remembered
from hauberk.concepts.objective import Objective
from hauberk.concepts.parts import parts
from hauberk.training.averaging import Average
from hauberk.training.checkpoint import load_checkpoint, save_checkpoint
from hauberk.training.journal import Tally
from hauberk.training.team import Team


class State:
    """Weights, their average, the optimizer's state, what the objective remembers, counters and sums."""

    def __init__(
        self,
        folder: Path,
        experiment: Any,
        network: nn.Module,
        average: Average,
        optimizer: AcceleratedOptimizer,
        objective: Objective,
        team: Team,
    ) -> None:
        self.folder, self.experiment = folder / "checkpoint", experiment
        self.network, self.average = network, average
        self.optimizer, self.team = optimizer, team
        self.memories = list(parts(Remembered, objective))
        for memory in self.memories:
            memory.rows = None  # which may be of another training
        self.tallies = {"epoch": Tally(team.device), "window": Tally(team.device)}
        times = {"seconds": 0.0, "cpu_seconds": 0.0}
        self.counters: dict[str, Any] = {**times, "best": -math.inf, "attacked": 0.0, "collapsed": False}

    def exchange(self) -> None:
        """Let the objective's memories hear of the other processes."""
        if self.team.size > 1:
            for memory in self.memories:
                memory.exchange(self.team.gathered)

    def save(self, step: int) -> None:
        """Write the checkpoint of a step."""
        sums = {name: self.team.total(tally.sums).tolist() for name, tally in self.tallies.items()}
        whole = {str(i): memory.whole(self.team.gathered) for i, memory in enumerate(self.memories)}
        others = {
            "memory": {i: rows for i, rows in whole.items() if rows is not None},
            "average": self.average.tensors,
        }
        if self.team.first:
            scaler = self.team.accelerator.scaler
            counters = {**self.counters, **sums, "scaler": scaler.state_dict() if scaler else None}
            about = self.folder, step, self.experiment
            save_checkpoint(*about, self.network, self.optimizer.optimizer, counters, others)
        self.team.wait()

    def restore(self) -> int:
        """Return the step of the newest checkpoint, restored; 0 where there is none.

        Raises:
            InputError: it is damaged, or of another training; the message says what differs.
        """
        found = load_checkpoint(self.folder, self.experiment, self.network, self.optimizer.optimizer)
        if found is None:
            return 0
        step, counters, others = found
        for name, tally in self.tallies.items():
            sums = torch.tensor(counters.pop(name), dtype=torch.float64, device=self.team.device)
            tally.sums.copy_(sums if self.team.first else torch.zeros_like(sums))
        scaler = self.team.accelerator.scaler
        if (scaled := counters.pop("scaler")) and scaler:
            scaler.load_state_dict(scaled)
        for i, rows in others["memory"].items():
            self.memories[int(i)].restore(rows, self.team.share)
        self.average.tensors = others["average"]
        self.counters |= counters
        return step
