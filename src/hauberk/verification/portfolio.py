"""Verifiers in turn, within a given time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError
from hauberk.ranges import Positive
from hauberk.searches.combination import Parts
from hauberk.searches.foretold import foretold_rows
from hauberk.searches.turns import Stage, take_turns


@dataclass(frozen=True)
class Portfolio(Verifier):
    """Several verifiers within a given time, each on the examples that are left undecided by those before it.

    Every verifier begins with one example, which shows how many more fit into its share of the time; the share that one
    does not need is left to the others. A verifier whose first example would take longer than there is time is left
    out: the rows that it pushes through the network foretell that. Examples on which time ran out are TIMEOUT, so that
    results depend on the machine; what is proven is proven anywhere. Verifiers that do not apply are left out, with a
    warning that names them.

    Args:
        stages: the verifiers, cheap ones first.
        seconds: the time for all examples of a call together.
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
        >>> from hauberk.verification import ByBound, Portfolio
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> verifier = Portfolio([ByBound(Interval()), ByBound(BackwardLinear())], seconds=10)
        >>> verifier(subject, LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2)).verified.tolist()
        [True, False]
    """

    stages: Sequence[Verifier]
    seconds: Positive
    name: str = "portfolio"

    @staticmethod
    def cases() -> Cases:
        return {"seconds": [600.0]}

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("a portfolio needs at least one verifier, but got an empty list.")

    def covers(self, graph: FrozenGraph) -> bool:
        return any(stage.covers(graph) for stage in self.stages)

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        course = Course(subject, S, spec)
        cut = take_turns([course.stage(number, verifier) for number, verifier in enumerate(self.stages)], self.seconds)
        course.parts.settle()
        return course.ended(cut)


class Course:
    """The examples of a call on their way through the verifiers.

    Args:
        subject: what is judged.
        S: the sets.
        spec: the rows that must be positive.
    """

    def __init__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> None:
        self.subject, self.S, self.spec, self.parts = subject, S, spec, Parts()
        self.certificate = unperturbed(subject, S, spec)

    def stage(self, number: int, verifier: Verifier) -> Stage:
        """Return a verifier as a stage."""
        name = f"{verifier.name} ({number + 1})"

        def work(part: Int[Tensor, "s"]) -> bool:
            with self.parts.trying(name):
                found = verifier(self.subject, self.S.select(part), self.spec.select(part))
                self.certificate = self.certificate.merged_at(part, found)
            return name not in self.parts.refusals

        rows = foretold_rows(verifier, self.subject, self.S, self.spec)
        return Stage(name, lambda: (~self.certificate.decided).nonzero()[:, 0], work, rows)

    def ended(self, cut: Sequence[Stage]) -> Certificate:
        """Return the certificate, TIMEOUT where time ran out before the last verifier was through."""
        late = torch.zeros_like(self.certificate.decided)
        for stage in cut:
            late[stage.left()] = True
        verdict = torch.where(late, Verdict.TIMEOUT.value, self.certificate.verdict)
        return replace(self.certificate, verdict=verdict)


def unperturbed(subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
    """Return the certificate that the unperturbed points give: FALSIFIED where a network fails there already."""
    found = Certificate.from_lower(torch.full_like(spec.offset, -torch.inf), subject.kind, "")
    if not isinstance(subject, NetworkSubject):
        return found
    with torch.no_grad():
        wrong = (spec.value(subject.module(S.decode(S.start))) < 0).any(1) & S.contains(S.start)
    verdict = torch.where(wrong, Verdict.FALSIFIED.value, found.verdict)
    return replace(found, verdict=verdict, counterexamples=S.start)
