"""The only training loop."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from hauberk.capture import capture
from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.initialisation import Initialisation
from hauberk.concepts.loss import require_labels
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError, TrainingError
from hauberk.schedules import Constant
from hauberk.training.checkpoint import load_checkpoint, save_checkpoint
from hauberk.training.journal import Journal, Record, Tally, Watcher
from hauberk.training.order import epoch_order, held_out

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | ParameterGroups


@dataclass(frozen=True)
class Trainer:
    """Minimises an objective over a data set; what it does is a pure function of its arguments and the seed.

    Args:
        objective: what each step minimises.
        epochs: passes over the training examples.
        batch: examples a step; the last step of an epoch takes what is left.
        optimizer: makes the optimizer from the parameters (`torch.optim.Adam`, `SelectiveDecay(5e-4)`); the learning
            rate is the schedule's.
        learning_rate: the schedule of the learning rate.
        radius: the schedule of the radius, as a multiple of the threat's.
        augmentation: changes the inputs of every step.
        initialisation: overwrites the network's own initialisation.
        gradient_clip: the largest l2 norm of the whole gradient.
        held_out: how many training examples are set aside for validation, chosen by the seed.
        seed: of the order, the noise, the split, and torch's own random numbers.
        log_steps: steps between lines of the journal.
        checkpoint_steps: steps between checkpoints, of which the newest is kept.
    """

    objective: Objective
    epochs: int
    learning_rate: Schedule
    batch: int = 256
    optimizer: OptimizerFactory = torch.optim.Adam
    radius: Schedule = field(default_factory=Constant)
    augmentation: Augmentation | None = None
    initialisation: Initialisation | None = None
    gradient_clip: float | None = None
    held_out: int = 1000
    seed: int = 0
    log_steps: int = 50
    checkpoint_steps: int = 250

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "log_steps", "checkpoint_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, but is {getattr(self, name)}.")

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
        """Train the network in place and leave it in eval mode; journal and checkpoints go to `folder`.

        With `resume` training goes on from the newest checkpoint and ends, on the same machine and number of threads,
        bit for bit as if it had never stopped.

        Raises:
            InputError: more examples held out than there are, or a damaged checkpoint.
            UnsupportedOpError: the objective computes bounds and the network cannot be captured.
            TrainingError: the loss is no longer finite.
        """
        if not 0 <= self.held_out < len(data):
            raise InputError(f"held_out must be between 0 and {len(data) - 1}, but is {self.held_out}.")
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            Run(self, network, data, threat, folder).execute(resume, watch)


class Run:
    """One execution of a trainer: the state that its loop moves."""

    def __init__(self, trainer: Trainer, network: nn.Module, data: Split, threat: ThreatModel, folder: Path) -> None:
        self.trainer, self.threat, self.folder = trainer, threat, folder
        self.accelerator = Accelerator()
        self.device = self.accelerator.device
        self.network = network.to(self.device)
        self.data = Split(data.inputs.to(self.device), data.labels.to(self.device))
        with torch.no_grad():
            logits = network.eval()(self.data.batch(slice(0, 1))[0])
        require_labels(self.data.labels, len(data), logits.shape[1])
        self.trained_on, self.held_out = held_out(len(data), trainer.held_out, trainer.seed)
        self.seen: nn.Module | Graph = network
        if trainer.objective.needs_graph or trainer.initialisation is not None:
            graph = capture(network, self.data.batch(slice(0, 2))[0])
            self.seen = graph if trainer.objective.needs_graph else network
            if trainer.initialisation is not None:
                trainer.initialisation(graph, torch.Generator(self.device).manual_seed(trainer.seed))
        self.optimizer = trainer.optimizer(network.parameters())
        self.steps_per_epoch = math.ceil(len(self.trained_on) / trainer.batch)
        self.epoch_tally, self.window_tally = Tally(self.device), Tally(self.device)
        self.order_of_epoch = (-1, self.trained_on)

    def execute(self, resume: bool, watch: Watcher) -> None:
        start, seconds = self.restored() if resume else (0, 0.0)
        journal = Journal(self.folder / "train.jsonl", watch, start)
        began = time.monotonic() - seconds
        steps = self.trainer.epochs * self.steps_per_epoch
        for step in range(start, steps):
            progress = Progress(step, steps, self.steps_per_epoch)
            progress = replace(progress, radius_share=self.trainer.radius(progress))
            rate = self.trainer.learning_rate(progress)
            value = self.step(progress, rate)
            self.epoch_tally.add(value)
            self.window_tally.add(value)
            done, seconds = step + 1, time.monotonic() - began
            facts: Record = {
                "step": done,
                "steps": steps,
                "epoch": done / self.steps_per_epoch,
                "radius": progress.radius_share,
                "learning_rate": rate,
                "seconds": round(seconds, 2),
                "measure": self.trainer.objective.measure,
            }
            if done % self.trainer.log_steps == 0:
                journal.write({"kind": "step", **facts, **finite(self.window_tally.averages(), done)})
            if done % self.steps_per_epoch == 0:
                averages = finite(self.epoch_tally.averages(), done)
                journal.write({"kind": "epoch", **facts, **averages, **self.validation(progress)})
            if done % self.trainer.checkpoint_steps == 0 or done == steps:
                counters = {
                    "epoch": self.epoch_tally.sums.tolist(),
                    "window": self.window_tally.sums.tolist(),
                    "seconds": seconds,
                }
                save_checkpoint(self.folder / "checkpoint", done, self.network, self.optimizer, counters)
        self.network.eval()

    def restored(self) -> tuple[int, float]:
        """Return the step and the seconds of the newest checkpoint, restored; zeros where there is none."""
        found = load_checkpoint(self.folder / "checkpoint", self.network, self.optimizer)
        if found is None:
            return 0, 0.0
        step, counters = found
        self.epoch_tally.sums.copy_(torch.tensor(counters["epoch"], dtype=torch.float64))
        self.window_tally.sums.copy_(torch.tensor(counters["window"], dtype=torch.float64))
        return step, counters["seconds"]

    def step(self, progress: Progress, rate: float) -> ObjectiveValue:
        """Take one step of the optimizer."""
        epoch, position = divmod(progress.step, self.steps_per_epoch)
        if self.order_of_epoch[0] != epoch:
            order = epoch_order(len(self.trained_on), self.trainer.seed, epoch)
            self.order_of_epoch = epoch, self.trained_on[order].to(self.device)
        index = self.order_of_epoch[1][position * self.trainer.batch : (position + 1) * self.trainer.batch]
        self.network.train()
        value = self.value(index, self.threat.scaled(progress.radius_share), progress, self.trainer.augmentation)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(value.loss)
        if self.trainer.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.trainer.gradient_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return value

    def value(
        self, index: Tensor, threat: ThreatModel, progress: Progress, augmentation: Augmentation | None = None
    ) -> ObjectiveValue:
        """Return the objective on some of the examples, with the noise that is theirs at this step."""
        x, y = self.data.batch(index)
        noise = Noise.of(self.trainer.seed, index).fold(progress.step)
        if augmentation is not None:
            x = augmentation(x, noise.fold(0))
        return self.trainer.objective(self.seen, x, y, threat, progress=progress, noise=noise.fold(1))

    def validation(self, progress: Progress) -> Record:
        """Return the accuracies on the held-out examples, at the full radius and in eval mode."""
        if not len(self.held_out):
            return {}
        self.network.eval()
        tally = Tally(self.device)
        with torch.no_grad():
            for index in self.held_out.to(self.device).split(self.trainer.batch):
                tally.add(self.value(index, self.threat, replace(progress, radius_share=1.0)))
        return {f"validation_{name}": value for name, value in tally.averages().items()}


def finite(averages: Record, step: int) -> Record:
    """Return the averages, or refuse to go on without a finite loss."""
    if not math.isfinite(averages["loss"]):
        raise TrainingError(f"the loss is {averages['loss']} at step {step}: lower the learning rate or clip gradients")
    return averages
