"""The evaluation of one batch of examples: predictions, proofs and attacks."""

import json
import time
from collections.abc import Iterable, Mapping

import polars as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verdict, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import NOT_APPLICABLE
from hauberk.evaluation.answers import answered, checked, norm_of
from hauberk.evaluation.counterexamples import Counterexamples
from hauberk.evaluation.isolation import reseed
from hauberk.evaluation.proofs import Proofs
from hauberk.evaluation.records import SCHEMA, attack_schema, broken_column, distance_column
from hauberk.evaluation.remarks import remarks
from hauberk.evaluation.rounding import finite_or_null


class Shard:
    """A batch of examples on its way through verifiers and attacks.

    Args:
        subject: what is judged.
        threat: gives the sets around these inputs.
        x: the inputs.
        y: the labels.
        index: the examples' positions in the split.
        seed: seeds the noise, and networks that draw random numbers.
    """

    def __init__(
        self,
        subject: AttackableSubject,
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
            self.prediction, logits = subject.judged(x)
        self.spec = LinearSpec.margins(y, logits.shape[1], logits.dtype)
        self.margin = self.spec.value(logits).amin(1)
        self.proofs, self.counterexamples = Proofs(y), Counterexamples(y, self.S.start)
        self.settled = torch.zeros_like(y, dtype=torch.bool)

    @classmethod
    def of(
        cls, subject: AttackableSubject, threat: ThreatModel, data: Split, index: Int[Tensor, "b"], seed: int
    ) -> "Shard":
        """Return the examples of a split with these indices, on the network's device."""
        device = next(subject.module.parameters(), index).device
        x, y = data.batch(index)
        x, y, index = x.to(device), y.to(device), index.to(device)
        return cls(subject, threat.select(index, data.inputs.shape), x, y, index, seed)

    def reseed(self, what: str) -> None:
        """Seed torch for what is about to be done, whatever was done before, in case the network is random."""
        reseed(self.y.device, self.seed, int(self.index[0]) if len(self.index) else 0, what)

    def inherit(self, larger: pl.DataFrame, facts: Mapping[str, str], attacks: Iterable[str]) -> None:
        """Take over what the records of the same examples at a larger radius, and their metadata, decide at this one.

        Proven and unbroken there: proven. Unbroken there: unbroken. Broken there by a point within this radius: broken.
        What did not apply there does not apply here, even if there is nothing left to ask. Of sets that are not nested,
        the larger decide nothing.
        """
        if not self.S.nested:
            return
        unbroken = larger["broken_by"].is_null().to_list()
        self.settled = torch.tensor(unbroken, device=self.y.device)
        self.proofs.inherit(larger, unbroken, json.loads(facts.get("confidence", "{}")))
        self.counterexamples.inherit(larger, attacks, self.S.radius, self.settled)
        self.proofs.not_applicable |= json.loads(facts["not_applicable"])
        self.counterexamples.refusals |= json.loads(facts["attacks_not_applicable"])
        self.counterexamples.remarks |= json.loads(facts.get("attack_remarks", "{}"))  # older files have none

    def correct(self, closed: list[bool]) -> Int[Tensor, "s"]:
        """Return the positions of the correctly classified examples that are not closed."""
        open_ = ~torch.tensor(closed, dtype=torch.bool, device=self.y.device)
        return (open_ & (self.prediction == self.y)).nonzero()[:, 0]

    def open_to(self, verifier: Verifier, *, everywhere: bool = True) -> Int[Tensor, "s"]:
        """Return the positions of what a verifier may prove: not yet proven, and, unless `everywhere`, unbroken."""
        decided = zip(self.proofs.by, self.counterexamples.by, strict=True)
        spared = verifier.last or not everywhere
        return self.correct([proof is not None or (spared and broken is not None) for proof, broken in decided])

    def verify(self, verifier: Verifier) -> None:
        """Try to prove what is not yet proven, including broken examples, so that contradictions come to light.

        A verifier that runs last skips those. Its counterexamples are rechecked and count like those of attacks.
        """
        self.verify_some(verifier, self.open_to(verifier))

    def verify_some(self, verifier: Verifier, left: Int[Tensor, "s"]) -> None:
        """Try to prove the examples at these positions."""
        if not len(left):
            return
        began = time.monotonic()
        self.reseed(f"verifier {verifier.name}")
        try:
            certificate = verifier(self.subject, self.S.select(left), self.spec.select(left))
        except NOT_APPLICABLE as error:
            self.proofs.not_applicable[verifier.name] = str(error)
            return
        self.proofs.note(verifier.name, left, certificate, time.monotonic() - began)
        refuted = certificate.verdict == Verdict.FALSIFIED
        if certificate.counterexamples is not None and refuted.any():
            left, z = left[refuted], certificate.counterexamples[refuted]
            answers = checked(self.subject, self.S.select(left), self.y[left], z)
            self.counterexamples.refute(verifier.name, left, answers)

    def vulnerable(self, *, everywhere: bool = False, skip_proven: bool = False) -> Int[Tensor, "s"]:
        """Return the positions that an attack may break: those not yet broken, unless it goes everywhere.

        Args:
            everywhere: count broken examples, too.
            skip_proven: leave out proven examples.
        """
        decided = zip(self.counterexamples.by, self.proofs.by, self.settled.tolist(), strict=True)
        return self.correct(
            [
                settled or (not everywhere and (broken is not None or (skip_proven and proof is not None)))
                for broken, proof, settled in decided
            ]
        )

    def attack(
        self, name: str, attack: Attack | MinimumDistanceAttack, *, everywhere: bool = False, skip_proven: bool = False
    ) -> None:
        """Attack what is classified correctly and `vulnerable`, proven or not; every answer is rechecked.

        Args:
            name: its name in the records. All attacks get the same noise, so that neither order nor names matter.
            attack: the attack; one that does not apply to this network or set is noted among the refusals.
            everywhere: attack broken examples, too.
            skip_proven: leave out proven examples.
        """
        left = self.vulnerable(everywhere=everywhere, skip_proven=skip_proven)
        self.attack_some(name, attack, left, enough=not everywhere)

    def attack_some(
        self, name: str, attack: Attack | MinimumDistanceAttack, left: Int[Tensor, "s"], *, enough: bool = True
    ) -> None:
        """Attack the examples at these positions; with `enough`, any misclassified member of the set will do."""
        self.counterexamples.outcome(name)  # records have its columns, even if nothing is left to it
        if not len(left):
            return
        began = time.monotonic()
        S, y, index = self.S.select(left), self.y[left], self.index[left]
        self.reseed("attack")
        try:
            with remarks() as said:
                noise = self.noise.select(left)
                answers = answered(name, attack, self.subject, S, y, index, noise, enough=enough)
        except NOT_APPLICABLE as error:
            self.counterexamples.refusals[name] = str(error)
            return
        if said:
            self.counterexamples.remarks[name] = said
        self.counterexamples.note(name, left, answers, time.monotonic() - began)

    def facts(self) -> dict[str, str]:
        """Return the metadata of the records' file, which concerns the whole shard."""
        return self.proofs.facts() | self.counterexamples.facts() | {"norm": norm_of(self.S)}

    def records(self, seconds: float) -> pl.DataFrame:
        """Return one record per example."""
        columns = {
            "index": self.index.tolist(),
            "label": self.y.tolist(),
            "prediction": self.prediction.tolist(),
            "margin": self.margin.tolist(),
            "broken_by": self.counterexamples.by,
            "distance": finite_or_null(self.counterexamples.distance),
            "certified_by": self.proofs.by,
            "lower": finite_or_null(self.proofs.lower),
            "radius": self.proofs.radii.column(),
            "eps": self.eps.tolist(),
            "seconds": [seconds / len(self.y)] * len(self.y),
        }
        outcomes = self.counterexamples.outcomes
        for name, outcome in outcomes.items():
            columns[broken_column(name)], columns[distance_column(name)] = outcome.columns()
        return pl.DataFrame(columns, schema=SCHEMA | attack_schema(outcomes))
