"""Adversaries that a network was not trained against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.evaluation.distinct_names import require_distinct
from hauberk.ranges import Checked


@dataclass(frozen=True)
class Adversary(Checked):
    """A threat, with the attacks and verifiers that judge a network under it.

    Args:
        threat: the threat.
        attacks: by their names in the records, cheap ones first.
        verifiers: cheap ones first.

    Raises:
        InputError: two attacks or verifiers have the same name, or the threat has a radius for each example.
    """

    threat: ThreatModel
    attacks: Mapping[str, Attack | MinimumDistanceAttack]
    verifiers: Sequence[Verifier] = ()

    def __post_init__(self) -> None:
        require_distinct(self.attacks, (), [verifier.name for verifier in self.verifiers])
        if isinstance(self.threat.eps, Tensor):
            raise InputError(f"an adversary has one radius for all examples, but {self.threat.name} has one for each.")
