"""The evaluation of one batch of examples: predictions, proofs, attacks, and the check that they agree."""

import json
import time
import zlib
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path

import polars as pl
import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier, joined
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, labels_of
from hauberk.errors import HauberkError, ShapeError, SoundnessError, UnsupportedOpError, UnsupportedSetError
from hauberk.evaluation.answers import Outcome, answered, finite_or_null
from hauberk.evaluation.isolation import reseed
from hauberk.evaluation.records import SCHEMA, attack_schema, broken_column, distance_column


class Shard:
    """A batch of examples on its way through verifiers and attacks."""

    def __init__(
        self,
        subject: NetworkSubject,
        threat: ThreatModel,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        index: Int[Tensor, "b"],
        seed: int,
    ) -> None:
        self.subject, self.x, self.y, self.index, self.seed = subject, x, y, index, seed
        self.noise = Noise.of(seed, index)
        self.S = threat.at(x)
        self.eps = torch.as_tensor(threat.eps, dtype=torch.float64).expand(len(x))
        self.reseed("prediction")
        with torch.no_grad():
            logits = subject.module(x)
        self.prediction = labels_of(logits)
        self.spec = LinearSpec.margins(y, logits.shape[1], logits.dtype)
        self.margin = self.spec.value(logits).amin(1)
        self.lower = torch.full_like(self.margin, -torch.inf, dtype=torch.float64)
        self.failure = torch.zeros_like(self.lower)
        self.sure = torch.zeros_like(y, dtype=torch.bool)
        self.certified_by: list[str | None] = [None] * len(y)
        self.broken_by: list[str | None] = [None] * len(y)
        self.answer = self.S.start.clone()
        self.arithmetic = ""
        self.confidence: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.not_applicable: dict[str, str] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.attack_seconds: dict[str, float] = {}
        self.refusals: dict[str, HauberkError] = {}
        self.settled = torch.zeros_like(self.sure)
        self.answered = torch.zeros_like(self.sure)

    @classmethod
    def of(
        cls, subject: NetworkSubject, threat: ThreatModel, data: Split, index: Int[Tensor, "b"], seed: int
    ) -> "Shard":
        """Return the examples of a split with these indices, on the network's device."""
        device = next(subject.module.parameters(), index).device
        x, y = data.batch(index)
        x, y, index = x.to(device), y.to(device), index.to(device)
        return cls(subject, threat, x, y, index, seed)

    def reseed(self, what: str) -> None:
        """Seed a network that draws random numbers, by what is asked of it, whatever was asked before."""
        reseed(self.y.device, self.seed, int(self.index[0]) if len(self.index) else 0, what)

    def inherit(self, larger: pl.DataFrame, attacks: Iterable[str]) -> None:
        """Take over what the records of the same examples at a larger radius decide at this one.

        What was proven there and not broken is proven; what no attack broke there counts as unbroken; what was broken
        by a point as near as this radius is broken.
        """
        unbroken = larger["broken_by"].is_null().to_list()
        self.settled = torch.tensor(unbroken, device=self.y.device)
        for position, (proof, lower) in enumerate(zip(larger["certified_by"], larger["lower"], strict=True)):
            if proof is not None and unbroken[position]:
                self.certified_by[position] = proof
                self.lower[position] = -inf if lower is None else lower
        for name in attacks:
            known = larger[distance_column(name)].fill_null(inf).to_list()
            distance = torch.tensor(known, dtype=torch.float32, device=self.y.device)
            near = (distance <= self.S.radius) & ~self.settled
            self.outcomes[name] = Outcome(near, near.clone(), distance)
            self.credit(name, near.nonzero()[:, 0])

    def credit(self, name: str, positions: Int[Tensor, "s"]) -> None:
        """Note who was the first to break examples."""
        for position in positions.tolist():
            self.broken_by[position] = self.broken_by[position] or name

    def left(self, done: Sequence[str | None]) -> Int[Tensor, "s"]:
        """Return the positions of the correctly classified examples that are not done."""
        open_ = torch.tensor([name is None for name in done], device=self.y.device)
        return (open_ & (self.prediction == self.y)).nonzero()[:, 0]

    def verify(self, verifier: Verifier) -> None:
        """Try to prove what is not yet proven; broken examples too, so that a contradiction comes to light."""
        left = self.left(self.certified_by)
        if not len(left):
            return
        began = time.monotonic()
        self.reseed(f"verifier {verifier.name}")
        try:
            certificate = verifier(self.subject, self.S.select(left), self.spec.select(left))
        except (UnsupportedOpError, UnsupportedSetError) as error:
            self.not_applicable[verifier.name] = str(error)
            return
        self.seconds[verifier.name] = time.monotonic() - began
        self.arithmetic = joined(self.arithmetic, certificate.arithmetic)
        sure, lower = certificate.confidence == 1, certificate.lower.amin(1).double()
        self.failure[left] += 1 - certificate.confidence  # it was asked because those before it had failed
        self.confidence[verifier.name] = 1.0 if sure.all() else 1 - self.failure[left].max().item()
        self.sure[left] = sure & certificate.verified
        lower = torch.where(certificate.verified | sure, lower, -torch.inf)
        self.lower[left] = torch.maximum(self.lower[left], lower)
        for position in left[certificate.verified].tolist():
            self.certified_by[position] = verifier.name

    def attack(
        self, name: str, attack: Attack | MinimumDistanceAttack, *, everywhere: bool = False, skip_proven: bool = False
    ) -> None:
        """Attack what is correct and not yet broken, proven or not; every answer is checked again.

        Args:
            name: its records' name, which its noise belongs to, so that no result depends on the order of attacks.
            attack: the attack; one that does not apply to this network or set is noted under `refusals`.
            everywhere: attack what is broken, too.
            skip_proven: leave out what is proven.
        """
        outcome = self.outcomes.setdefault(name, Outcome.blank(self.y))
        done = [
            broken is not None or (skip_proven and proof is not None)
            for broken, proof in zip(self.broken_by, self.certified_by, strict=True)
        ]
        closed = torch.tensor(done, device=self.y.device) & (not everywhere) | self.settled
        left = (~closed & (self.prediction == self.y)).nonzero()[:, 0]
        if not len(left):
            return
        began = time.monotonic()
        S, y, index = self.S.select(left), self.y[left], self.index[left]
        noise = self.noise.select(left).fold(zlib.crc32(name.encode()))
        self.reseed(f"attack {name}")
        try:
            answers = answered(name, attack, self.subject, S, y, index, noise, enough=not everywhere)
        except (UnsupportedOpError, UnsupportedSetError, ShapeError) as error:
            self.refusals[name] = error
            return
        new = torch.tensor([self.broken_by[position] is None for position in left.tolist()], device=y.device)
        shown = new & answers.member
        self.answer[left[shown]] = answers.z[shown].to(self.answer)
        self.answered[left[shown]] = True
        outcome.note(left, answers.broken, answers.distance)
        self.credit(name, left[answers.broken])
        self.attack_seconds[name] = time.monotonic() - began

    def require_applicable(self, attacks: Iterable[str]) -> None:
        """Refuse a suite of attacks none of which applies to this network and set.

        Raises:
            UnsupportedOpError, UnsupportedSetError, ShapeError: as the first attack says.
        """
        if self.refusals and all(name in self.refusals for name in attacks):
            raise next(iter(self.refusals.values()))

    def require_agreement(self, evidence: Path) -> None:
        """Refuse a result in which an example is proven for sure and broken at once; the evidence is kept.

        Proofs that may fail are overturned instead: records name proof and attack, and nothing is certified.

        Raises:
            SoundnessError: names the example, the proof and the attack.
        """
        for position, (proof, attack) in enumerate(zip(self.certified_by, self.broken_by, strict=True)):
            if proof is not None and attack is not None and self.sure[position]:
                index = int(self.index[position])
                file = evidence / f"contradiction-{index}.safetensors"
                tensors = {"input": self.x, "label": self.y}
                if self.answered[position]:  # else the point was found at a larger radius, and is not kept
                    tensors["counterexample"] = self.answer
                with replacing(file) as temporary:
                    save_file({k: v[position].cpu().contiguous() for k, v in tensors.items()}, temporary)
                raise SoundnessError(
                    f"example {index} is proven by {proof} and broken by {attack}: a bug in one of them. "
                    f"Please report it with {file}."
                )

    def facts(self) -> dict[str, str]:
        """Return what the records' file says of the whole shard."""
        return {
            "seconds": json.dumps(self.seconds),
            "attack_seconds": json.dumps(self.attack_seconds),
            "attacks_not_applicable": json.dumps({name: str(error) for name, error in self.refusals.items()}),
            "not_applicable": json.dumps(self.not_applicable),
            "arithmetic": self.arithmetic,
            "confidence": json.dumps(self.confidence),
        }

    def records(self, seconds: float) -> pl.DataFrame:
        """Return one record per example."""
        rounded = self.lower.float()
        rounded = torch.where(rounded > self.lower, rounded.nextafter(torch.full_like(rounded, -torch.inf)), rounded)
        outcomes = self.outcomes.values()
        distance = torch.stack([torch.full_like(rounded, inf), *(outcome.distance for outcome in outcomes)]).amin(0)
        columns = {
            "index": self.index.tolist(),
            "label": self.y.tolist(),
            "prediction": self.prediction.tolist(),
            "margin": self.margin.tolist(),
            "broken_by": self.broken_by,
            "distance": finite_or_null(distance),
            "certified_by": self.certified_by,
            "lower": finite_or_null(rounded),
            "eps": self.eps.tolist(),
            "seconds": [seconds / len(self.y)] * len(self.y),
        }
        for name, outcome in self.outcomes.items():
            columns[broken_column(name)], columns[distance_column(name)] = outcome.columns()
        return pl.DataFrame(columns, schema=SCHEMA | attack_schema(self.outcomes))
