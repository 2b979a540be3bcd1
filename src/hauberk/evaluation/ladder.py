"""Attacks and verifiers that take turns on what is still open, within a given time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, zip_longest
from math import prod
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import InputError
from hauberk.evaluation.agreement import require_agreement
from hauberk.evaluation.shard import Shard
from hauberk.evaluation.standing import Rest, Standing, Watcher
from hauberk.searches.foretold import foretold_rows
from hauberk.searches.turns import Stage, take_turns

TOGETHER = 128
"""The number of examples whose labels are predicted at once."""
MEMORY, COPIES = 2**31, 4
"""The bytes that the boxes of some examples may take, and how many copies of all values, in float64, they are."""
GATHERING = 0.35
"""The share of the time in which examples are gathered: those that meet the first attack within it are judged."""


@dataclass
class Ladder:
    """Examples on their way through attacks and verifiers, each on what those before it left open.

    Args:
        subject: what is judged.
        threat: gives the sets.
        data: the examples, of which as many are judged, from the first, as the time allows.
        attacks: by name; the first one meets every example.
        verifiers: cheap ones first.
        seed: seeds the noise.
        watch: called whenever something was done.
    """

    subject: AttackableSubject
    threat: ThreatModel
    data: Split
    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    seed: int
    watch: Watcher
    shards: list[Shard] = field(default_factory=list)
    seen: int = 0

    def climb(self, seconds: float) -> list[Rest]:
        """Judge the examples within so many seconds, or less if all are decided; return what is left to do.

        Raises:
            InputError: not a single example met the first attack in time.
        """
        end = time.monotonic() + seconds
        take_turns([Stage("predictions and " + self.first, self.to_come, self.gather)], GATHERING * seconds, self.tell)
        if not self.seen:
            raise InputError(
                f"not one example was through with {self.first or 'the network'} in {max(0.0, seconds):.3g} seconds: "
                "give more minutes."
            )
        proving = [self.proving(verifier) for verifier in self.verifiers]
        breaking = [self.breaking(name, self.attacks[name]) for name in list(self.attacks)[1:]]
        turns = [stage for stage in chain(*zip_longest(proving, breaking)) if stage is not None]
        cut = take_turns(turns, end - time.monotonic(), self.tell)
        for stage in cut:
            if not stage.begun:
                self.excuse(stage)
        return [Rest.of(stage) for stage in cut]

    def excuse(self, stage: Stage) -> None:
        """Note that a stage has not worked on a single example, so that nobody takes it for one that found nothing."""
        first = self.shards[0]
        refusals = first.counterexamples.refusals if stage.name in self.attacks else first.proofs.not_applicable
        price = "" if stage.each is None else f": an example would take about {stage.each:,.3g} seconds"
        refusals[stage.name] = f"{stage.name} was not begun in the time given{price}."

    @property
    def first(self) -> str:
        """The name of the first attack; empty if there is none."""
        return next(iter(self.attacks), "")

    def to_come(self) -> Int[Tensor, "s"]:
        """Return the positions of the examples that the first attack has not met."""
        return torch.arange(self.seen, len(self.data))

    def gather(self, part: Int[Tensor, "s"]) -> bool:
        """Predict the labels of further examples, and let them meet the first attack."""
        while (known := sum(len(shard.y) for shard in self.shards)) < self.seen + len(part):
            some = torch.arange(known, min(known + TOGETHER, len(self.data)))
            self.shards.append(Shard.of(self.subject, self.threat, self.data, some, self.seed))
            for name in self.attacks:
                self.shards[-1].counterexamples.outcome(name)  # all shards have columns for all attacks
        for shard, own in self.located(part):
            right = own[shard.prediction[own] == shard.y[own]]
            if self.first:
                shard.attack_some(self.first, self.attacks[self.first], right)
        self.seen += len(part)
        return True

    def proving(self, verifier: Verifier) -> Stage:
        """Return a verifier as a stage; a cheap one does not spare broken examples, to show contradictions."""
        first = self.shards[0]
        rows = foretold_rows(verifier, self.subject, first.S, first.spec)
        everywhere = rows <= first.spec.offset.shape[1]

        def work(part: Int[Tensor, "s"]) -> bool:
            for shard, own in self.located(part):
                shard.verify_some(verifier, own)
            return not any(verifier.name in shard.proofs.not_applicable for shard in self.shards)

        undecided = partial(self.positions, lambda shard: shard.open_to(verifier, everywhere=everywhere))
        return Stage(verifier.name, undecided, work, rows, most=self.most)

    def breaking(self, name: str, attack: Attack | MinimumDistanceAttack) -> Stage:
        """Return an attack as a stage."""

        def work(part: Int[Tensor, "s"]) -> bool:
            for shard, own in self.located(part):
                shard.attack_some(name, attack, own)
            return not any(name in shard.counterexamples.refusals for shard in self.shards)

        return Stage(name, partial(self.positions, lambda shard: shard.vulnerable(skip_proven=True)), work)

    @property
    def most(self) -> int:
        """The number of examples whose boxes and relaxations fit into memory at once, as far as shapes tell."""
        graph = self.subject.captured
        if not isinstance(graph, Graph):
            return TOGETHER
        size = 8 * sum(prod(shape) for shape in graph.shapes)
        return max(1, min(TOGETHER, MEMORY // (COPIES * size)))

    def positions(self, open_: Callable[[Shard], Int[Tensor, "s"]]) -> Int[Tensor, "m"]:
        """Return the positions of open examples among all that have been seen."""
        found = torch.cat([open_(shard).cpu() + start for shard, start in self.placed()])
        return found[found < self.seen]

    def placed(self) -> Iterator[tuple[Shard, int]]:
        """Yield the shards with the positions of their first examples."""
        start = 0
        for shard in self.shards:
            yield shard, start
            start += len(shard.y)

    def located(self, part: Int[Tensor, "s"]) -> Iterator[tuple[Shard, Int[Tensor, "k"]]]:
        """Yield the shards that hold some of the examples, and the examples' positions inside."""
        for shard, start in self.placed():
            own = part[(part >= start) & (part < start + len(shard.y))] - start
            if len(own):
                yield shard, own.to(shard.y.device)

    def tell(self, stage: Stage) -> None:
        """Tell how far things have come."""
        rows = f", {stage.rows:,.0f} rows" if stage.rows else ""
        price = f"{rows}, {stage.each:.2g} s an example" if stage.each else rows and f"{rows} an example"
        self.watch(Standing.of(f"{stage.name}{price}", self.shards, self.seen))

    def write(self, folder: Path, seconds: float) -> None:
        """Write the records of all examples; `seconds` is the time that they took together.

        Raises:
            SoundnessError: an example is misclassified where it is proven; the evidence is kept beside the records.
        """
        for shard, start in self.placed():
            require_agreement(shard, folder.parent)
            count = min(len(shard.y), self.seen - start)  # no more than have met the first attack
            if count > 0:
                records = shard.records(seconds * len(shard.y) / self.seen).head(count)
                with replacing(folder / f"{start:09d}.parquet") as temporary:
                    records.write_parquet(temporary, metadata=shard.facts())
