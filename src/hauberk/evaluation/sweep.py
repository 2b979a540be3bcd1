"""Shards of examples, one after the other, each on disk before the next begins."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from hauberk.atomic import replacing
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import AttackableSubject
from hauberk.evaluation.agreement import require_agreement
from hauberk.evaluation.curve import Curve
from hauberk.evaluation.records import facts_in, records_in
from hauberk.evaluation.shard import Shard

Watcher = Callable[[str, int, int], None]
"""Called with what is being evaluated, and the numbers of finished and of all examples."""


@dataclass(frozen=True)
class Suite:
    """The attacks and verifiers that examples go through.

    Args:
        attacks: by name, in order.
        verifiers: in order.
        undecided: further attacks, for examples that are neither broken nor proven by then.
        every_attack: True to run every attack on every example, broken or not.
        skip_proven: True if no attack at all sees a proven example.
    """

    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier]
    undecided: Mapping[str, Attack | MinimumDistanceAttack] = field(default_factory=dict)
    every_attack: bool = False
    skip_proven: bool = False


@dataclass(frozen=True)
class Sweep:
    """A pass over examples that keeps existing shards.

    Args:
        subject: the network.
        shard: examples per shard.
        seed: seeds the noise.
        watch: called after each shard.
    """

    subject: AttackableSubject
    shard: int
    seed: int
    watch: Watcher

    def radii(self, data: Split, threat: ThreatModel, folder: Path, curve: Curve) -> None:
        """Evaluate the radii of a curve, each starting from the results of the next larger one."""
        suite = Suite(curve.attacks, curve.verifiers, skip_proven=True)
        chosen, larger = slice(0, curve.examples), None
        threat, first = threat.select(chosen, data.inputs.shape), data.select(chosen)
        for factor in sorted(set(curve.radii), reverse=True):
            short = f"{factor:g}"
            place = folder / (short if float(short) == factor else repr(float(factor)))  # no two radii share a folder
            self.one(first, threat.scaled(factor), place, suite, larger)
            larger = place

    def one(self, data: Split, threat: ThreatModel, folder: Path, suite: Suite, larger: Path | None = None) -> None:
        """Evaluate the shards that the folder lacks; `larger` is the folder of those at a larger radius, if any."""
        for start in range(0, len(data), self.shard):
            end, file = min(start + self.shard, len(data)), folder / f"{start:09d}.parquet"
            if not file.exists():
                began = time.monotonic()
                shard = Shard.of(self.subject, threat, data, torch.arange(start, end), self.seed)
                if larger is not None:
                    known = larger / file.name
                    shard.inherit(records_in(known), facts_in(known), suite.attacks)
                for verifier in suite.verifiers:
                    if not verifier.last:
                        shard.verify(verifier)
                for name, attack in suite.attacks.items():
                    shard.attack(name, attack, everywhere=suite.every_attack, skip_proven=suite.skip_proven)
                for name, attack in suite.undecided.items():
                    shard.attack(name, attack, everywhere=suite.every_attack, skip_proven=not suite.every_attack)
                for verifier in suite.verifiers:
                    if verifier.last:
                        shard.verify(verifier)
                require_agreement(shard, folder.parent)
                with replacing(file) as temporary:
                    records = shard.records(time.monotonic() - began)
                    records.write_parquet(temporary, metadata=shard.facts())
            self.watch(threat.name, end, len(data))
