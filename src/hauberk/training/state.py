"""The changing state of a training run: all that its checkpoints must hold."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from hauberk.concepts.memory import Remembered
from hauberk.concepts.objective import Objective
from hauberk.errors import InputError
from hauberk.training.averaging import Average
from hauberk.training.checkpoint import OTHERS, load_checkpoint, save_checkpoint
from hauberk.training.journal import Tally
from hauberk.training.parts import parts
from hauberk.training.team import Team


class State:
    """Weights, their average, the optimizer's state, the objective's memories, counters and sums.

    Args:
        folder: the run's folder.
        network: the network in training.
        average: the average of its weights.
        optimizer: the prepared optimizer.
        objective: the objective, whose memories are cleared.
        team: the processes.
    """

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
            memory.rows = None  # it may be left from another run
        self.tallies = {"epoch": Tally(team.device), "window": Tally(team.device)}
        times = {"seconds": 0.0, "cpu_seconds": 0.0}
        self.counters: dict[str, Any] = {**times, "best": -math.inf, "attacked": 0.0, "collapsed": False}

    def rehearse(self) -> None:
        """Write a checkpoint to a temporary folder and read it again, before hours of training rely on it.

        Raises:
            InputError: the network or the optimizer holds what checkpoints cannot.
        """
        optimizer = self.optimizer.optimizer
        with TemporaryDirectory() as folder:
            try:
                others: dict[str, dict[str, Tensor]] = {name: {} for name in OTHERS}
                save_checkpoint(Path(folder), 0, self.experiment, self.network, optimizer, {}, others)
                load_checkpoint(Path(folder), self.experiment, self.network, optimizer)
            except (InputError, TypeError, ValueError, KeyError, RuntimeError) as error:
                raise InputError(
                    f"this network and optimizer cannot be kept in checkpoints: {error.__cause__ or error}"
                ) from error

    def exchange(self) -> None:
        """Exchange the objective's memories between processes."""
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
        """Restore the newest checkpoint and return its step; 0 if there is none.

        Raises:
            InputError: it is damaged, or belongs to another training run; the message says what differs.
        """
        found = load_checkpoint(self.folder, self.experiment, self.network, self.optimizer.optimizer)
        if found is None:
            return 0
        step, counters, others = found
        for name, tally in self.tallies.items():
            sums = counters.pop(name)
            tally.restore(sums if self.team.first else [0.0] * len(sums))
        scaler = self.team.accelerator.scaler
        if (scaled := counters.pop("scaler")) and scaler:
            scaler.load_state_dict(scaled)
        for i, rows in others["memory"].items():
            self.memories[int(i)].restore(rows, self.team.share)
        self.average.tensors = others["average"]
        self.counters |= counters
        return step


def require_initialised(network: nn.Module) -> None:
    """Raise if parameters wait for a first batch to learn their shapes.

    Raises:
        InputError: some do; the message names them.
    """
    if lazy := [name for name, parameter in network.named_parameters() if is_lazy(parameter)]:
        raise InputError(f"{', '.join(lazy)[:200]}: lazy parameters have no shape: call the network on a batch.")
