"""Several verifiers, cheap ones first."""

from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError


@dataclass(frozen=True)
class InOrder(Verifier):
    """Each verifier sees only what those before it left undecided; of several lower bounds the largest is kept.

    `InOrder([ByBound(Interval()), ByBound(BackwardLinear())])` spends the dear bound on few examples.

    Args:
        verifiers: cheap ones first.

    Raises:
        InputError: there is no verifier.
    """

    verifiers: Sequence[Verifier]
    name: str = "in order"

    def __post_init__(self) -> None:
        if not self.verifiers:
            raise InputError("InOrder needs at least one verifier, but got an empty list.")

    def covers(self, graph: FrozenGraph) -> bool:
        return all(verifier.covers(graph) for verifier in self.verifiers)

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        certificate = self.verifiers[0](subject, S, spec)
        for verifier in self.verifiers[1:]:
            left = (~certificate.decided).nonzero()[:, 0]
            if not len(left):
                break
            certificate = certificate.merged_at(left, verifier(subject, S.select(left), spec.select(left)))
        return certificate
