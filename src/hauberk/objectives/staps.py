"""Training by bounds over small boxes around attacks, and attacks on the last layers."""

from dataclasses import dataclass, field

from hauberk.concepts.attack import Attack, SteerableAttack
from hauberk.concepts.bounded_pass import BoundedPass
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.propagated import PropagatedObjective
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Schedule
from hauberk.concepts.small_box import require_share, small_box


@dataclass(frozen=True)
class STAPS(PropagatedObjective):
    """`TAPS` that starts from `SABR`'s boxes: around an attack's answer, `share` of the threat's box wide.

    Its bounds prove nothing of the threat's set; what it counts as robust is proven for the small box alone.

    Args:
        bounder: intervals, as published, or any other.
        attack: made on the network as the clean examples' pass fixed it.
        share: published: 0.1 and 0.9 (CIFAR-10 at 2/255 and 8/255), 0.4 and 0.6 (MNIST at 0.1 and 0.3).
        latent_attack: as for `TAPS`.
        activations: as for `TAPS`; published for CNN7: 1.
        loss: of clean, estimated and worst logits.
        clean_weight: of the clean loss; the robust one has the rest.
        gradient_scale: what the gradient of the estimate's loss is multiplied by; published: 2 to 8.
        regularizers: read off the boxes of the bound.

    Raises:
        InputError: share lies outside [0, 1]; else as `TAPS` does.
        UnsupportedOpError: as `TAPS` does.

    Source: Mao et al. 2023.
    """

    bounder: Bounder
    attack: Attack
    share: float
    latent_attack: SteerableAttack
    activations: int
    loss: AdversarialLoss
    clean_weight: Schedule
    gradient_scale: float = 4.0
    regularizers: list[BoundRegularizer] = field(default_factory=list)
    measure = "in small boxes"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("STAPS", self.share)

    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        return small_box(seen.S, self.attack(seen.graph, seen.S, seen.y, noise=noise), self.share)
