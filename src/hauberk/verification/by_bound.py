"""Verification by bounds."""

from dataclasses import dataclass

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError
from hauberk.propagation.bound_certificate import bound_certificate


@dataclass(frozen=True)
class ByBound(Verifier):
    """Verification by a bounder's lower bounds, with outward rounding: sound, not complete.

    Deterministic, except that bounders with a probability of `failure` give certificates of confidence 1 - failure.

    Args:
        bounder: one that certifies.
        name: the verifier's name in records.
        float64: whether to bound in double precision. The certificate then describes the network in exact arithmetic,
            with its present parameters, and no longer its execution in its own precision. Bounders with a probability
            of failure always use double precision: the rounding of random projections is not bounded.
        seed: seeds the bounder's random draws; choose it without regard to network and inputs.

    Raises:
        InputError: the bounder only estimates, and proves nothing.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.specification import LinearSpec
        >>> from hauberk.concepts.subject import NetworkSubject
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.verification import ByBound
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> subject = NetworkSubject(network, capture(network, x))
        >>> certificate = ByBound(Interval())(subject, LinfBall(0.1).at(x), LinearSpec.margins(y, classes=2))
        >>> certificate.verified.tolist()
        [True, False]
    """

    bounder: Bounder
    name: str = "bound"
    float64: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.bounder.certifies:
            raise InputError(
                f"{self.bounder} gives estimates for training, which prove nothing: verify with BackwardLinear, "
                "ForwardLinear or, with a probability of failure, HighProbability."
            )

    def covers(self, graph: FrozenGraph) -> bool:
        return self.bounder.covers(graph)

    def rows(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec) -> float:
        return self.bounder.rows(graph, S, spec)

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        return bound_certificate(self.bounder, subject, S, spec, float64=self.float64, seed=self.seed)
