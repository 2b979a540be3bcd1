"""The only training loop."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from hauberk.accepted.reach import Later, asked_later
from hauberk.atomic import require_replaceable
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import TrainingError
from hauberk.kernels.modes import set_eval
from hauberk.training.averaging import Average
from hauberk.training.batches import Batches
from hauberk.training.experiment import experiment
from hauberk.training.hyperparameters import Hyperparameters
from hauberk.training.journal import Journal, Record, Watcher
from hauberk.training.judged import Judged
from hauberk.training.kept_weights import BEST, COLLAPSED, FINAL, SOUND, KeptWeights
from hauberk.training.optimizers import fuse, optimizer_of
from hauberk.training.prepared import prepared
from hauberk.training.seeding import seed_generators
from hauberk.training.state import State, require_initialised
from hauberk.training.team import Team
from hauberk.training.validation import Validation

JOURNAL = "train.jsonl"
CLOCKS = {"seconds": time.monotonic, "cpu_seconds": time.process_time}


class Run:
    """One execution of a trainer.

    Args:
        trainer: the hyperparameters.
        network: trained in place.
        data: the training split.
        threat: what training defends against.
        folder: receives journal, checkpoints and kept weights.
        test: examples for the trainer's `test_judge`.
    """

    def __init__(
        self,
        trainer: Hyperparameters,
        network: nn.Module,
        data: Split,
        threat: ThreatModel,
        folder: Path,
        test: Split | None = None,
    ) -> None:
        self.trainer, self.threat, self.folder = trainer, threat, folder
        require_initialised(network)
        self.team = Team(trainer.precision, shared_statistics=trainer.shared_statistics)
        identified = experiment(trainer, network, data, threat)
        self.network = self.team.placed(network)
        self.batches = Batches(trainer, data.to(self.team.device))
        self.plan = self.batches.plan
        self.threat.select(slice(0), self.batches.shape)  # refuses one that does not fit
        self.judged = Judged(network, prepared(trainer, network, self.batches.data), trainer.objective)
        optimizer = optimizer_of(trainer.optimizer, network.parameters())
        fuse(optimizer, network)
        made = self.team.accelerator.prepare(self.judged, optimizer)
        self.wrapped, self.optimizer = made
        # Only a scaler of gradients needs accelerate's own steps, which search the disk for packages each time.
        self.stepped = self.optimizer if self.team.accelerator.scaler else self.optimizer.optimizer
        self.average = Average(network, trainer.averaging)
        self.state = State(folder, identified, network, self.average, self.optimizer, trainer.objective, self.team)
        self.validation = Validation(self.judged, threat, self.batches, self.team)
        self.test = None if test is None or trainer.test_judge is None else test.to(self.team.device)
        self.kept = KeptWeights(folder, network, self.team)
        self.checks = Later()

    def execute(self, resume: bool, watch: Watcher, claim: Callable[[], None]) -> None:
        """Train to the end, with `resume` from the newest checkpoint; call `claim` before the folder is touched."""
        try:
            self.train(resume, watch, claim)
        finally:
            self.team.release()

    def train(self, resume: bool, watch: Watcher, claim: Callable[[], None]) -> None:
        """Do so, and leave the network's kernels in the training's own order."""
        self.state.rehearse()
        for name in (JOURNAL, BEST, SOUND, FINAL, COLLAPSED):
            require_replaceable(self.folder / name)
        claim()
        start = self.state.restore() if resume else 0
        journal = Journal(self.folder / JOURNAL, watch, start, silent=not self.team.first)
        began = {name: clock() - self.state.counters[name] for name, clock in CLOCKS.items()}
        for step in range(start, self.plan.steps):
            if self.state.counters["collapsed"]:
                break
            place = self.plan.at(step)
            progress = replace(place.progress, radius_share=self.trainer.radius(place.progress))
            rate = self.trainer.learning_rate(progress)
            self.step(step, progress, rate)
            done = step + 1
            self.state.counters |= {name: clock() - began[name] for name, clock in CLOCKS.items()}
            facts: Record = {
                "step": done,
                "steps": self.plan.steps,
                "epoch": (progress.step + 1) / progress.steps_per_epoch,
                "radius": progress.radius_share,
                "learning_rate": rate,
                **{name: round(self.state.counters[name], 2) for name in CLOCKS},
                "measure": self.trainer.objective.measure,
            }
            if done % self.trainer.log_steps == 0:
                journal.write({"kind": "step", **facts, **self.averages("window", done)})
            if place.ends_epoch:
                averages = self.averages("epoch", done)
                collapse = self.collapse(step, progress)
                with self.average.applied():
                    self.team.agree(self.network.buffers())
                    found = self.validation.held_out(step, progress, self.trainer.judge)
                    self.keep(found)
                    found |= self.validation.tested(step, self.test, self.trainer.test_judge)
                journal.write({"kind": "epoch", **facts, **averages, **found, **collapse})
            if done % self.trainer.checkpoint_steps == 0 or done == self.plan.steps or self.state.counters["collapsed"]:
                self.state.save(done)
        self.finish()

    def step(self, step: int, progress: Progress, rate: float) -> None:
        """Take one step of the optimizer."""
        index = self.batches.of(step)
        mine, weight = self.team.part(index)
        seed_generators((self.trainer.seed * 1_000_003 + step) * self.team.size + self.team.rank, self.team.device)
        if not self.network.training:
            self.network.train()
        x, y, noise = self.batches.examples(step, mine)
        with self.team.statistics(weight), asked_later(self.checks):
            threat = self.threat.select(mine, self.batches.shape).scaled(progress.radius_share)
            value = self.wrapped(x, y, threat, progress, noise)
        self.stepped.zero_grad(set_to_none=True)
        self.team.accelerator.backward(value.loss * weight)
        if value.learned is not None and weight:
            value.learned()
        self.state.exchange()
        if self.trainer.gradient_clip is not None:
            self.team.accelerator.clip_grad_norm_(self.network.parameters(), self.trainer.gradient_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("rate", 1)
        self.stepped.step()
        self.average.add(step, self.plan.steps)
        if weight:
            first, *others = self.state.tallies.values()
            first.add(value, len(mine), *others)

    def averages(self, tally: str, step: int) -> Record:
        """Return the means since the last call, or raise if the loss is not finite or inputs left their range."""
        self.checks.settle()
        averages = self.state.tallies[tally].averages(self.team)
        if not math.isfinite(averages["loss"]):
            raise TrainingError(
                f"the loss is {averages['loss']} at step {step}: lower the learning rate or clip gradients"
            )
        return averages

    def collapse(self, step: int, progress: Progress) -> Record:
        """Check for a collapse of the network itself, not of its average."""
        if self.trainer.detector is None:
            return {}
        now = self.validation.withstood(step + 1 - progress.steps_per_epoch, self.trainer.detector.attack)
        collapsed = self.trainer.detector.collapsed(self.state.counters["attacked"], now)
        self.state.counters |= {"collapsed": collapsed} if collapsed else {"attacked": now}
        return {"detector_robust": now, "collapsed": collapsed}

    def keep(self, found: Record) -> None:
        """Save the weights at the end of an epoch if they may be needed again: the last sound and the best ones."""
        if self.state.counters["collapsed"]:
            return
        if self.trainer.detector is not None:
            self.kept.write(SOUND)
        if self.trainer.keep == "best":
            robust = found["validation_robust"]
            score = found["validation_clean"] - 2 if robust is None else robust  # below all that have a robust one
            if score > self.state.counters["best"]:
                self.state.counters["best"] = score
                self.kept.write(BEST)

    def finish(self) -> None:
        """Leave the weights to keep in the network, and save those that they replace."""
        self.average.settle()
        if self.state.counters["collapsed"]:
            self.kept.write(COLLAPSED)
            self.kept.read(SOUND)
        if self.trainer.keep == "best" and BEST in self.kept:
            self.kept.write(FINAL)
            self.kept.read(BEST)
        set_eval(self.network)
