"""Training by bounds over small boxes around attacks, and attacks on the last layers."""

from dataclasses import dataclass, field

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.propagated import PropagatedObjective
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.ranges import Share
from hauberk.sets.small_box import small_box


@dataclass(frozen=True)
class STAPS(PropagatedObjective):
    """`TAPS` starting from the boxes of `SABR`: around an attack's answer, as wide as `share` of the threat's box.

    Its bounds prove nothing about the threat's set; an example counted as robust is proven only for the small box. The
    published attacked part of CNN7 has one activation function.

    Args:
        bounder: as in `TAPS`.
        latent_attack: as in `TAPS`.
        activations: as in `TAPS`.
        loss: as in `TAPS`.
        clean_weight: as in `TAPS`.
        gradient_scale: as in `TAPS`.
        regularizers: as in `TAPS`.
        attack: attacks the network as fixed by the pass of the clean examples.
        share: the width of the small box divided by that of the threat's. Published: 0.1 and 0.9 (CIFAR-10 at 2/255 and
            8/255), 0.4 and 0.6 (MNIST at 0.1 and 0.3).

    Raises:
        InputError: share lies outside [0, 1], or as for `TAPS`.
        UnsupportedOpError: as for `TAPS`.

    Source: Mao et al. 2023.
    """

    attack: Attack = field(kw_only=True)
    share: Share = field(kw_only=True)
    measure = "in small boxes"

    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        return small_box(seen.S, self.attack(seen.graph, seen.S, seen.y, noise=noise), self.share)
