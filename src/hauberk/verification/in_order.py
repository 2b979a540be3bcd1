"""Several verifiers, cheap ones first."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError
from hauberk.searches.combination import Parts


@dataclass(frozen=True)
class InOrder(Verifier):
    """Several verifiers, each applied only to the examples left undecided by those before it.

    `InOrder([ByBound(Interval()), ByBound(BackwardLinear())])` spends the expensive bound on few examples. Of several
    lower bounds the largest is kept. Verifiers that do not apply are left out, with a warning that names them.

    Args:
        verifiers: the verifiers, cheap ones first.
        name: the verifier's name in records.

    Raises:
        InputError: there is no verifier.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import BackwardLinear, Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.concepts.subject import NetworkSubject
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import ByBound, InOrder
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> verifier = InOrder([ByBound(Interval()), ByBound(BackwardLinear())])
        >>> verifier(subject, LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)).verified.tolist()
        [True, False]
    """

    verifiers: Sequence[Verifier]
    name: str = "in order"

    def __post_init__(self) -> None:
        if not self.verifiers:
            raise InputError("InOrder needs at least one verifier, but got an empty list.")

    def covers(self, graph: FrozenGraph) -> bool:
        return any(verifier.covers(graph) for verifier in self.verifiers)

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        certificate = Certificate.from_lower(torch.full_like(spec.offset, -torch.inf), subject.kind, "")
        parts = Parts()
        for number, verifier in enumerate(self.verifiers):
            left = (~certificate.decided).nonzero()[:, 0]
            if number and not len(left):
                break
            asked = S if len(left) == len(S.start) else S.select(left)
            with parts.trying(f"{verifier.name} ({number + 1} of {len(self.verifiers)})"):
                certificate = certificate.merged_at(left, verifier(subject, asked, spec.select(left)))
        parts.settle()
        return certificate
