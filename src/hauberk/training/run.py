"""The only training loop."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hauberk.atomic import replacing
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import require_labels
from hauberk.concepts.memory import memories
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.subject import labels_of
from hauberk.errors import TrainingError
from hauberk.training.checkpoint import load_checkpoint, save_checkpoint
from hauberk.training.journal import Journal, Record, Tally, Watcher
from hauberk.training.judged import Judged, statistics_kept
from hauberk.training.order import epoch_order, held_out
from hauberk.training.plan import Plan
from hauberk.training.team import Team
from hauberk.training.trainer import Trainer

BEST, SOUND, FINAL = "best.safetensors", "sound.safetensors", "final.safetensors"
"""Weights that are kept beside the checkpoints: of the best epoch, of the last before a collapse, of the end."""


class Run:
    """One execution of a trainer: the state that its loop moves."""

    def __init__(self, trainer: Trainer, network: nn.Module, data: Split, threat: ThreatModel, folder: Path) -> None:
        self.trainer, self.threat, self.folder = trainer, threat, folder
        self.team = Team(trainer.precision)
        self.device = self.team.device
        self.network = network.to(self.device)
        self.data = Split(data.inputs.to(self.device), data.labels.to(self.device))
        with torch.no_grad():
            logits = network.eval()(self.data.batch(slice(0, 1))[0])
        require_labels(self.data.labels, len(data), logits.shape[1])
        self.trained_on, self.held_out = held_out(len(data), trainer.held_out, trainer.seed)
        seen: nn.Module | Graph = network
        if trainer.objective.needs_graph or trainer.initialisation is not None:
            graph = capture(network, self.data.batch(slice(0, 2))[0])
            seen = graph if trainer.objective.needs_graph else network
            if trainer.initialisation is not None:
                trainer.initialisation(graph, torch.Generator(self.device).manual_seed(trainer.seed))
        self.remembered = list(memories(trainer.objective))
        for memory in self.remembered:
            memory.rows = None  # which may be of another training
        self.judged = Judged(network, seen, trainer.objective)
        prepared = self.team.accelerator.prepare(self.judged, trainer.optimizer(network.parameters()))
        self.wrapped, self.optimizer = prepared
        self.plan = Plan(trainer.phases, len(self.trained_on), trainer.objective.replays)
        self.epoch_tally, self.window_tally = Tally(self.device), Tally(self.device)
        self.order_of_epoch = (-1, self.trained_on)
        self.counters: dict[str, Any] = {"seconds": 0.0, "best": -math.inf, "attacked": 0.0, "collapsed": False}

    def execute(self, resume: bool, watch: Watcher) -> None:
        start = self.restored() if resume else 0
        journal = Journal(self.folder / "train.jsonl", watch, start, silent=not self.team.first)
        began = time.monotonic() - self.counters["seconds"]
        for step in range(start, self.plan.steps):
            if self.counters["collapsed"]:
                break
            place = self.plan.at(step)
            progress = replace(place.progress, radius_share=self.trainer.radius(place.progress))
            rate = self.trainer.learning_rate(progress)
            self.step(step, progress, rate)
            done, self.counters["seconds"] = step + 1, time.monotonic() - began
            facts: Record = {
                "step": done,
                "steps": self.plan.steps,
                "epoch": (progress.step + 1) / progress.steps_per_epoch,
                "radius": progress.radius_share,
                "learning_rate": rate,
                "seconds": round(self.counters["seconds"], 2),
                "measure": self.trainer.objective.measure,
            }
            if done % self.trainer.log_steps == 0:
                journal.write({"kind": "step", **facts, **finite(self.window_tally.averages(self.team), done)})
            if place.ends_epoch:
                averages = finite(self.epoch_tally.averages(self.team), done)
                found = self.validation(step, progress)
                journal.write({"kind": "epoch", **facts, **averages, **found, **self.detection(step, progress)})
                self.keep_best(found)
            if done % self.trainer.checkpoint_steps == 0 or done == self.plan.steps or self.counters["collapsed"]:
                self.save(done)
        self.finish()

    def finish(self) -> None:
        """Leave the weights that are to be kept in the network, and the final ones in a file beside them."""
        if self.counters["collapsed"]:
            self.read(SOUND)
        if self.trainer.keep == "best" and (self.folder / BEST).exists():
            self.write(FINAL)
            self.read(BEST)
        self.network.eval()

    def step(self, step: int, progress: Progress, rate: float) -> None:
        """Take one step of the optimizer."""
        index = self.batch(step)
        mine = self.team.share(index)
        # A process without examples takes part in the exchange of gradients with one that counts nothing.
        weight, mine = len(mine) * self.team.size / len(index), mine if len(mine) else index[:1]
        torch.manual_seed((self.trainer.seed * 1_000_003 + step) * self.team.size + self.team.rank)
        self.network.train()
        value = self.wrapped(*self.arguments(step, mine, self.threat.scaled(progress.radius_share), progress))
        self.optimizer.zero_grad(set_to_none=True)
        self.team.accelerator.backward(value.loss * weight)
        if value.learned is not None and weight:
            value.learned()
        if self.trainer.gradient_clip is not None:
            self.team.accelerator.clip_grad_norm_(self.network.parameters(), self.trainer.gradient_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if weight:
            for tally in self.tallies.values():
                tally.add(value, len(mine))

    def batch(self, step: int) -> Int[Tensor, "b"]:
        """Return the examples of a step, over all processes."""
        place = self.plan.at(step)
        if self.order_of_epoch[0] != place.epoch:
            order = epoch_order(len(self.trained_on), self.trainer.seed, place.epoch)
            self.order_of_epoch = place.epoch, self.trained_on[order].to(self.device)
        return self.order_of_epoch[1][place.batch * place.phase.batch : (place.batch + 1) * place.phase.batch]

    def arguments(self, step: int, index: Int[Tensor, "b"], threat: ThreatModel, progress: Progress) -> tuple[Any, ...]:
        """Return what the objective is given for some training examples, with the noise that is theirs at this step."""
        x, y = self.data.batch(index)
        noise, augmentation = Noise.of(self.trainer.seed, index), self.plan.at(step).phase.augmentation
        if augmentation is not None:
            x = augmentation(x, noise.fold(step // self.trainer.objective.replays).fold(0))  # replays see the same
        return x, y, threat, progress, noise.fold(step).fold(1)

    def validation(self, step: int, progress: Progress) -> Record:
        """Return the accuracies on the held-out examples, at the full radius and in eval mode."""
        if not len(self.held_out):
            return {}
        self.network.eval()
        tally, progress = Tally(self.device), replace(progress, radius_share=1.0)
        for index in self.held_out.to(self.device).split(self.trainer.batch):
            mine = self.team.share(index)
            if len(mine):
                tally.add(self.validated(step, mine, progress), len(mine))
        return {f"validation_{name}": value for name, value in tally.averages(self.team).items()}

    def validated(self, step: int, index: Int[Tensor, "b"], progress: Progress) -> ObjectiveValue:
        """Return what the objective, and the judge where there is one, say of held-out examples."""
        x, y = self.data.batch(index)
        noise = Noise.of(self.trainer.seed, index).fold(step).fold(1)
        with torch.no_grad():
            value = self.judged(x, y, self.threat, progress, noise)
            correct = labels_of(self.network(x)) == y if value.correct is None else value.correct
        if self.trainer.judge is None:
            return replace(value, correct=correct)
        S = self.threat.at(x)
        z = self.trainer.judge(self.network, S, y, noise=noise)
        with torch.no_grad():
            robust = correct & (labels_of(self.network(S.decode(z))) == y)
        return replace(value, correct=correct, robust=robust)

    def detection(self, step: int, progress: Progress) -> Record:
        """Look for a collapse on the epoch's first batch; keep the weights where there is none."""
        detector = self.trainer.detector
        if detector is None:
            return {}
        first = step + 1 - progress.steps_per_epoch
        mine = self.team.share(self.batch(first))
        tally = Tally(self.device)
        if len(mine):
            x, y, _, _, noise = self.arguments(first, mine, self.threat, progress)
            S = self.threat.at(x)
            with statistics_kept(self.network):
                z = detector.attack(self.network.train(), S, y, noise=noise)
                with torch.no_grad():
                    robust = labels_of(self.network(S.decode(z))) == y
            tally.add(ObjectiveValue(robust.double().mean(), None, robust), len(mine))
        now = tally.averages(self.team)["robust"]
        self.counters["collapsed"] = detector.collapsed(self.counters["attacked"], now)
        if not self.counters["collapsed"]:
            self.counters["attacked"] = now
            self.write(SOUND)
        return {"detector_robust": now, "collapsed": self.counters["collapsed"]}

    def keep_best(self, found: Record) -> None:
        """Keep the weights where no epoch's were better on held-out examples."""
        if self.trainer.keep == "best" and not self.counters["collapsed"]:
            robust = found["validation_robust"]
            score = found["validation_clean"] if robust is None else robust
            if score > self.counters["best"]:
                self.counters["best"] = score
                self.write(BEST)

    def save(self, step: int) -> None:
        """Write a checkpoint."""
        sums = {name: self.team.total(tally.sums).tolist() for name, tally in self.tallies.items()}
        remembered = [self.team.gathered(memory.rows) for memory in self.remembered if memory.rows is not None]
        if self.team.first:
            counters = {**self.counters, **sums, "scaler": self.scaler.state_dict() if self.scaler else None}
            inner = self.optimizer.optimizer
            save_checkpoint(self.folder / "checkpoint", step, self.network, inner, counters, remembered)
        self.team.wait()

    def restored(self) -> int:
        """Return the step of the newest checkpoint, restored; 0 where there is none."""
        found = load_checkpoint(self.folder / "checkpoint", self.network, self.optimizer.optimizer)
        if found is None:
            return 0
        step, counters, remembered = found
        for name, tally in self.tallies.items():
            sums = torch.tensor(counters.pop(name), dtype=torch.float64, device=self.device)
            tally.sums.copy_(sums if self.team.first else torch.zeros_like(sums))
        if (scaled := counters.pop("scaler")) and self.scaler:
            self.scaler.load_state_dict(scaled)
        for memory, rows in zip(self.remembered, remembered, strict=bool(remembered)):
            memory.rows = rows[self.team.rank :: self.team.size]
        self.counters = counters
        return step

    @property
    def tallies(self) -> dict[str, Tally]:
        return {"epoch": self.epoch_tally, "window": self.window_tally}

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        return self.team.accelerator.scaler

    def write(self, name: str) -> None:
        """Keep the network's weights in a file."""
        if self.team.first:
            with replacing(self.folder / name) as temporary:
                save_file({key: tensor.contiguous() for key, tensor in self.network.state_dict().items()}, temporary)
        self.team.wait()

    def read(self, name: str) -> None:
        """Give the network the weights that were kept."""
        self.network.load_state_dict(load_file(self.folder / name, device=str(self.device)))


def finite(averages: Record, step: int) -> Record:
    """Return the averages, or refuse to go on without a finite loss."""
    if not math.isfinite(averages["loss"]):
        raise TrainingError(f"the loss is {averages['loss']} at step {step}: lower the learning rate or clip gradients")
    return averages
