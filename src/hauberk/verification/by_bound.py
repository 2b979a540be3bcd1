"""Verification by bounds."""

from dataclasses import dataclass

from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import Subject
from hauberk.errors import InputError
from hauberk.propagation.bound_certificate import bound_certificate


@dataclass(frozen=True)
class ByBound(Verifier):
    """Proves what a bounder's lower bounds prove, with outward rounding: sound, not complete.

    Deterministic, but for bounders with a probability of `failure`, whose certificates have confidence 1 - failure.

    Args:
        bounder: one that certifies.
        float64: Whether to bound in double precision. The certificate then speaks of the network in exact arithmetic,
            with the parameters that it has, and no longer of its execution in its own precision. Bounders with a
            probability of failure always run so: the rounding of random projections is not bounded.
        seed: of what a bounder draws at random; to be chosen without regard to network and inputs.

    Raises:
        InputError: the bounder estimates, and proves nothing.
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

    def __call__(self, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> Certificate:
        return bound_certificate(self.bounder, subject, S, spec, float64=self.float64, seed=self.seed)
