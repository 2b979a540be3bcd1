"""Training by bounds of a network's first part and attacks on the rest."""

from dataclasses import dataclass

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.propagated import PropagatedObjective
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet


@dataclass(frozen=True)
class TAPS(PropagatedObjective):
    """The loss of the worst logits that a bound allows, times their estimate by attacks from within hidden boxes.

    The bound goes through the whole network. In the box of a hidden value an attack looks for the worst point of every
    margin of the rest; gradients of that estimate reach the box, and so the first part. While the radius grows the
    bound's loss stands alone. What counts as robust is proven by the bound.

    Args:
        bounder: intervals, as published, or any other.
        latent_attack: steered towards each wrong class in turn; its radius is half of a box's side. Published: PGD by
            the margin, 8 steps of 0.4 or more.
        activations: how many activation functions lie in the attacked part; published for CNN7: 1, 2, 3 or 5.
        loss: of clean, estimated and worst logits.
        clean_weight: of the clean loss; the robust one has the rest.
        gradient_scale: what the gradient of the estimate's loss is multiplied by; published: 2 to 8.
        regularizers: read off the boxes of the bound.

    Raises:
        InputError: activations is less than 1, or as many as the network has, or gradient_scale is negative.
        UnsupportedOpError: the rest of the network reads values from before the cut, as a skip connection does.

    Source: Mao et al. 2023.
    """

    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        return seen.S
