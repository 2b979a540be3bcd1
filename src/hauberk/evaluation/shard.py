"""The evaluation of one batch of examples: predictions, proofs, attacks, and the check that they agree."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor

from hauberk.atomic import replacing
from hauberk.concepts.attack import Attack
from hauberk.concepts.certificate import Verifier, joined
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, labels_of
from hauberk.errors import HauberkError, SoundnessError, UnsupportedOpError, UnsupportedSetError
from hauberk.evaluation.records import SCHEMA


class Shard:
    """A batch of examples on its way through verifiers and attacks."""

    def __init__(
        self,
        subject: NetworkSubject,
        threat: ThreatModel,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        index: Int[Tensor, "b"],
        noise: Noise,
    ) -> None:
        self.subject, self.x, self.y, self.index, self.noise = subject, x, y, index, noise
        self.S = threat.at(x)
        self.eps = torch.as_tensor(threat.eps, dtype=torch.float64).expand(len(x))
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

    @classmethod
    def of(
        cls, subject: NetworkSubject, threat: ThreatModel, data: Split, index: Int[Tensor, "b"], seed: int
    ) -> "Shard":
        """Return the examples of a split with these indices, on the network's device."""
        device = next(subject.module.parameters(), index).device
        x, y = data.batch(index)
        x, y, index = x.to(device), y.to(device), index.to(device)
        return cls(subject, threat, x, y, index, Noise.of(seed, index))

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

    def attack(self, name: str, attack: Attack, number: int, *, skip_proven: bool = False) -> None:
        """Attack what is correct and not yet broken, proven or not; every answer is checked again."""
        done = zip(self.broken_by, self.certified_by, strict=True)
        left = self.left([attack or (proof if skip_proven else None) for attack, proof in done])
        if not len(left):
            return
        began = time.monotonic()
        S, y = self.S.select(left), self.y[left]
        z = attack(self.subject.module, S, y, noise=self.noise.select(left).fold(number))
        require_members(name, S, z, self.index[left])
        with torch.no_grad():
            broken = self.subject.predict(S.decode(z)) != y
        self.answer[left] = z
        self.seconds[name] = time.monotonic() - began
        for position in left[broken].tolist():
            self.broken_by[position] = name

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
                tensors = {"input": self.x, "counterexample": self.answer, "label": self.y}
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
            "not_applicable": json.dumps(self.not_applicable),
            "arithmetic": self.arithmetic,
            "confidence": json.dumps(self.confidence),
        }

    def records(self, seconds: float) -> pl.DataFrame:
        """Return one record per example."""
        rounded = self.lower.float()
        rounded = torch.where(rounded > self.lower, rounded.nextafter(torch.full_like(rounded, -torch.inf)), rounded)
        lower = [value if value > -torch.inf else None for value in rounded.tolist()]
        columns = {
            "index": self.index.tolist(),
            "label": self.y.tolist(),
            "prediction": self.prediction.tolist(),
            "margin": self.margin.tolist(),
            "broken_by": self.broken_by,
            "certified_by": self.certified_by,
            "lower": lower,
            "eps": self.eps.tolist(),
            "seconds": [seconds / len(self.y)] * len(self.y),
        }
        return pl.DataFrame(columns, schema=SCHEMA)


def require_members(name: str, S: PerturbationSet, z: Tensor, index: Tensor) -> None:
    """Refuse the answers of an attack that left its set.

    Raises:
        HauberkError: an answer is no member; the message names the attack and the example.
    """
    outside = ~S.contains(z)
    if outside.any():
        first = int(index[outside][0])
        raise HauberkError(f"attack {name} answered example {first} with a point outside the perturbation set: a bug.")
