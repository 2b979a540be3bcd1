"""Training by bounds over small boxes around attacks, and attacks on the last layers."""

from dataclasses import dataclass, field

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.propagated import PropagatedObjective
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.sets.small_box import require_share, small_box


@dataclass(frozen=True)
class STAPS(PropagatedObjective):
    """`TAPS` that starts from `SABR`'s boxes: around an attack's answer, `share` of the threat's box wide.

    Its bounds prove nothing of the threat's set; what it counts as robust is proven for the small box alone.

    Other arguments and errors are those of `TAPS`; the published attacked part of CNN7 has one activation function.

    Args:
        attack: made on the network as the clean examples' pass fixed it.
        share: published: 0.1 and 0.9 (CIFAR-10 at 2/255 and 8/255), 0.4 and 0.6 (MNIST at 0.1 and 0.3).

    Raises:
        InputError: share lies outside [0, 1].

    Source: Mao et al. 2023.
    """

    attack: Attack = field(kw_only=True)
    share: float = field(kw_only=True)
    measure = "in small boxes"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("STAPS", self.share)

    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        return small_box(seen.S, self.attack(seen.graph, seen.S, seen.y, noise=noise), self.share)
