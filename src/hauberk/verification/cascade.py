"""Cascades of models: each stage answers if it can prove its answer, and the next one sees the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.accepted import inputs
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.propagation.prediction import Answering, certified, classes_of, flags, predicted
from hauberk.ranges import Checked


@dataclass(frozen=True)
class CascadeAnswer:
    """A cascade's answer to each input.

    Args:
        label: the labels, -1 where the cascade abstains.
        stage: the number of the stage that certified each label, -1 where the cascade abstains.
        certificate: VERIFIED where there is a label; `lower` bounds the margins of that label at that stage. If proofs
            may fail, the probabilities of the stages consulted add up in `confidence`.
    """

    label: Int[Tensor, "b"]
    stage: Int[Tensor, "b"]
    certificate: Certificate


@dataclass(frozen=True)
class ModelCascade(Checked, Subject):
    """Networks in turn: the first that certifies its own prediction on the set around x answers; otherwise none does.

    With `agreement` the cascade abstains as soon as a stage disagrees with the first one about x. This proves: two
    inputs, each in the other's set (any two within eps, for balls of one radius), never get different labels. Say x is
    answered by stage i, x' by stage j <= i. Stage j is constant on the set around x', so it gives x the label of x',
    and by agreement this is stage i's label of x. Nothing is claimed about inputs on which the cascade abstains.

    Without agreement this is false: an earlier stage may certify another label for x'. That rule, which only proves
    that the answering stage is constant on the set, is kept for comparison with published figures.

    Args:
        stages: captured networks, run in eval mode whatever their own mode, or other subjects, with the same classes.
        threat: the sets on which predictions must be constant.
        verifier: proves that they are.
        agreement: whether later stages must agree with the first.

    Raises:
        InputError: there is no stage, or the stages have different numbers of classes.
        UnsupportedSetError: on use, stages must agree over sets that are not symmetric.

    Source: Wong et al. 2018, algorithm 4, with both comparisons of the bound with zero reversed.
    """

    stages: Sequence[Answering]
    threat: ThreatModel
    verifier: Verifier
    agreement: bool = True

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("a cascade needs stages, but there is none.")
        require_one_number([stage.classes for stage in self.stages if isinstance(stage, Graph)])

    @property
    def kind(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "cascade" if self.agreement else "cascade without agreement"

    @property
    def doubts(self) -> list[float]:
        """For each stage, the probability that one before it agrees with the first by a mistake of its votes."""
        own = [0.0 if isinstance(stage, Graph) else stage.doubt for stage in self.stages]
        return list(accumulate(own, initial=0.0))[:-1]

    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        return self.answer(x).label

    def selected(self, index: Int[Tensor, "b"], shape: Sequence[int]) -> "ModelCascade":
        """Return the cascade for some of the examples of data of this shape: the threat may differ between them."""
        return replace(self, threat=self.threat.select(index, shape))

    def answer(self, x: Float[Tensor, "b *x"]) -> CascadeAnswer:
        """Return each input's label, the stage that certified it and the proof; later stages see the remaining inputs.

        Raises:
            ShapeError, InputError: as the threat does; or the stages have different numbers of classes.
            UnsupportedOpError, UnsupportedSetError: as the verifier does.
        """
        x = inputs(x)
        S = self.threat.at(x)
        if self.agreement:
            require_symmetric(S, self.threat)
        require_one_number([classes_of(stage, S) for stage in self.stages])
        first = predicted(self.stages[0], S)
        label, stage, left = torch.full_like(first, -1), torch.full_like(first, -1), torch.arange(len(x)).to(first)
        lower = x.new_full((len(x), classes_of(self.stages[0], S) - 1), -torch.inf)
        certificate = Certificate.from_lower(lower, self.kind, "")
        failure, doubts = torch.zeros_like(certificate.confidence), self.doubts
        for number, subject in enumerate(self.stages):
            if not len(left):
                break
            said = predicted(subject, S.select(left)) if number else first
            if self.agreement:
                agreed = said == first[left]
                left, said = left[agreed], said[agreed]
                if not len(left):
                    break
            found = certified(subject, S.select(left), said, self.verifier)
            proven = found.verified
            label[left[proven]], stage[left[proven]] = said[proven], number
            failure[left] += 1 - found.confidence  # a stage is consulted because those before it proved nothing
            confidence = torch.where(found.confidence == 1, 1, 1 - failure[left]) - self.agreement * doubts[number]
            found = replace(found, subject=self.kind, confidence=confidence).select(proven)
            certificate = certificate.merged_at(left[proven], found)
            left = left[~proven]
        return CascadeAnswer(label, stage, certificate)


def require_symmetric(S: PerturbationSet, threat: ThreatModel) -> None:
    """Raise unless agreement of stages proves what it should over these sets.

    Raises:
        UnsupportedSetError: an input in the set around x may have a set without x.
    """
    if not S.symmetric:
        raise UnsupportedSetError(
            f"a cascade proves nothing over {threat.name}, where x may reach what does not reach x: an earlier stage "
            "may certify another label there. Use a threat with symmetric sets, as balls in a norm are, or one network."
        )


def require_one_number(classes: list[int]) -> None:
    """Raise if stages have different numbers of classes."""
    if len(set(classes)) > 1:
        raise InputError(f"a cascade needs stages with one number of classes, but theirs are {classes}.")


@dataclass(frozen=True)
class CascadeScore:
    """The examples that a cascade gets right, as two masks.

    Args:
        robust: certified with the right label.
        standard: labelled correctly, either certified or, if no stage could, by the last stage.
    """

    robust: Bool[Tensor, "b"]
    standard: Bool[Tensor, "b"]


def score(cascade: ModelCascade, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"]) -> CascadeScore:
    """Judge a cascade as published tables do: each example by its first certifying stage, otherwise by the last one.

    Where a cascade abstains nothing is robust: at the last stage too the label is wrong or unproven.
    """
    label = cascade.predict(x)
    plain = torch.where(label >= 0, label, predicted(cascade.stages[-1], cascade.threat.at(x)))
    return CascadeScore(label == y, plain == y)


def remaining(stage: Answering, threat: ThreatModel, verifier: Verifier, data: Split, batch: int = 500) -> Split:
    """Return the examples on which a stage's prediction is not proven constant: the next stage's training data."""
    return data.select(flags(stage, threat, verifier, data, batch).nonzero()[:, 0])
