"""The progress of an evaluation within a given time, and the work that is left when the time is up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hauberk.evaluation.shard import Shard
from hauberk.searches.turns import Stage


@dataclass(frozen=True)
class Standing:
    """The numbers of examples that are decided so far.

    Args:
        stage: what is at work.
        seen: the number of examples so far.
        wrong: those of them that are misclassified as they are.
        broken: those that an attack broke.
        proven: those that are proven.
    """

    stage: str
    seen: int
    wrong: int
    broken: int
    proven: int

    @property
    def open(self) -> int:
        """The number of examples that are neither wrong nor broken nor proven."""
        return self.seen - self.wrong - self.broken - self.proven

    @classmethod
    def of(cls, stage: str, shards: Sequence[Shard], seen: int) -> "Standing":
        """Return how the first examples of some shards stand."""
        wrong = sum([wrong for shard in shards for wrong in (shard.prediction != shard.y).tolist()][:seen])
        pairs = [pair for shard in shards for pair in zip(shard.counterexamples.by, shard.proofs.by, strict=True)][
            :seen
        ]
        broken = sum(attack is not None for attack, _ in pairs)
        proven = sum(attack is None and proof is not None for attack, proof in pairs)
        return cls(stage, len(pairs), wrong, broken, proven)


Watcher = Callable[[Standing], None]
"""Called whenever something was done."""


@dataclass(frozen=True)
class Rest:
    """The work that was left to a stage when the time was up.

    Args:
        name: the name of the attack or verifier.
        examples: the number of examples that are left to it.
        seconds: about how long they would take; None if it had not begun.
    """

    name: str
    examples: int
    seconds: float | None

    @classmethod
    def of(cls, stage: Stage) -> "Rest":
        """Return what is left to a stage."""
        examples = len(stage.left())
        return cls(stage.name, examples, None if stage.each is None else stage.each * examples)
