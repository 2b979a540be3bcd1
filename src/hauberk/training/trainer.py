"""The trainer: hyperparameters that fit a network to data."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.training.hyperparameters import Hyperparameters
from hauberk.training.journal import Watcher
from hauberk.training.run import Run


@dataclass(frozen=True)
class Trainer(Hyperparameters):
    """Minimises an objective over a data set; what it does is a pure function of its arguments and the seed.

    Started by `accelerate launch` or `torchrun`, several processes share each batch; how many they are changes results
    by rounding alone, but for mixup, and batch norm without `shared_statistics`, which see what a process sees.
    Arguments are those of `Hyperparameters`.
    """

    def fit(
        self,
        network: nn.Module,
        data: Split,
        threat: ThreatModel,
        folder: Path,
        *,
        resume: bool = False,
        watch: Watcher = lambda record: None,
    ) -> None:
        """Train the network in place and leave it in eval mode; journal, checkpoints and kept weights go to `folder`.

        With `resume` training goes on from the newest checkpoint and ends, on the same machine and number of threads
        and processes, bit for bit as if it had never stopped. How often it writes to its journal and checkpoints may
        change; a checkpoint of other hyperparameters, data, threat or network is refused.

        Raises:
            InputError: more examples held out than there are, a batch that cannot be halved, a damaged checkpoint or
                one of another training, whose message says what differs; an object that has no identity of its own.
            UnsupportedOpError: the objective computes bounds and the network cannot be captured.
            TrainingError: the loss is no longer finite.
        """
        if not 0 <= self.held_out < len(data):
            raise InputError(f"held_out must be between 0 and {len(data) - 1}, but is {self.held_out}.")
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            Run(self, network, data, threat, folder).execute(resume, watch)
