"""Counterexamples that attacks and verifiers have found for a batch of examples."""

import json
from collections.abc import Iterable
from math import inf

import polars as pl
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from hauberk.evaluation.answers import Answers, Outcome
from hauberk.evaluation.records import distance_column


class Counterexamples:
    """The first attack or verifier to break each example, the point that did so, and the results of each attack.

    The nearest misclassified points are kept as well, wherever they lie.

    Args:
        y: the labels; their number and device are those of the examples.
        start: the unperturbed points, which counterexamples replace.
    """

    def __init__(self, y: Int[Tensor, "b"], start: Float[Tensor, "b *z"]) -> None:
        self.by: list[str | None] = [None] * len(y)
        self.nearest_by: list[str | None] = [None] * len(y)
        self.points, self.nearest = start.clone(), start.clone()
        self.answered = torch.zeros_like(y, dtype=torch.bool)
        self.outcomes: dict[str, Outcome] = {}
        self.seconds: dict[str, float] = {}
        self.refusals: dict[str, str] = {}
        self.remarks: dict[str, list[str]] = {}
        self._y, self._refuted = y, Outcome.blank(y)

    def outcome(self, name: str) -> Outcome:
        """Return an attack's results so far."""
        return self.outcomes.setdefault(name, Outcome.blank(self._y))

    def inherit(
        self, larger: pl.DataFrame, attacks: Iterable[str], radius: Float[Tensor, "b"], settled: Bool[Tensor, "b"]
    ) -> None:
        """Take over what points within this radius broke in records at a larger one, except on settled examples."""
        for name in attacks:
            known = larger[distance_column(name)].fill_null(inf).to_list()
            distance = torch.tensor(known, dtype=torch.float32, device=self._y.device)
            near = (distance <= radius) & ~settled
            self.outcomes[name] = Outcome(near, near.clone(), distance)
            self._credit(name, near.nonzero()[:, 0])

    def note(self, name: str, left: Int[Tensor, "s"], answers: Answers, seconds: float) -> None:
        """Record an attack's answers for the examples at these positions."""
        self._keep(name, left, answers)
        self.outcome(name).note(left, answers.broken, answers.distance)
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def refute(self, name: str, left: Int[Tensor, "s"], answers: Answers) -> None:
        """Record a verifier's counterexamples for the examples at these positions."""
        self._keep(name, left, answers)
        self._refuted.note(left, answers.broken, answers.distance)

    def _keep(self, name: str, left: Int[Tensor, "s"], answers: Answers) -> None:
        new = torch.tensor([self.by[position] is None for position in left.tolist()], device=left.device)
        shown = new & answers.member
        self.points[left[shown]] = answers.z[shown].to(self.points)
        self.answered[left[shown]] = True
        closer = answers.distance < self.distance[left]
        self.nearest[left[closer]] = answers.z[closer].to(self.nearest)
        for position in left[closer].tolist():
            self.nearest_by[position] = name
        self._credit(name, left[answers.broken])

    def _credit(self, name: str, positions: Int[Tensor, "s"]) -> None:
        for position in positions.tolist():
            self.by[position] = self.by[position] or name

    @property
    def distance(self) -> Float32[Tensor, "b"]:
        """The distance of the nearest misclassified point found; infinite where there is none."""
        return torch.stack([one.distance for one in (self._refuted, *self.outcomes.values())]).amin(0)

    def facts(self) -> dict[str, str]:
        """Return the metadata of the records' file, which concerns all examples together."""
        return {
            "attack_seconds": json.dumps(self.seconds),
            "attacks_not_applicable": json.dumps(self.refusals),
            "attack_remarks": json.dumps(self.remarks),
        }
