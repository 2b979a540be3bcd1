"""Training by bounds of a network's first part and attacks on the rest."""

from dataclasses import dataclass

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.propagated import PropagatedObjective
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet


@dataclass(frozen=True)
class TAPS(PropagatedObjective):
    """The loss of the worst logits that a bound allows, times an estimate of it by attacks within hidden boxes.

    The bound goes through the whole network. In the box of a hidden value an attack searches for the worst point of
    every margin of the rest; gradients of that estimate reach the box, and thereby the first part. While the radius
    grows the bound's loss stands alone. The bound decides which examples count as robust.

    Args:
        bounder: gives the bound; published: intervals.
        latent_attack: steered towards each wrong class in turn; its radius is half the side of a box. Published: PGD on
            the margin, 8 steps of 0.4 or more.
        activations: the number of activation functions in the attacked part; published for CNN7: 1, 2, 3 or 5.
        loss: the loss of clean, estimated and worst logits.
        clean_weight: the weight of the clean loss; the robust loss gets the rest.
        gradient_scale: the factor on the gradient of the estimate's loss; published: 2 to 8.
        regularizers: penalties on the boxes of the bound.

    Raises:
        InputError: activations is less than 1 or not less than the network's total, or gradient_scale is negative.
        UnsupportedOpError: the rest of the network reads values from before the cut, as a skip connection does.

    Source: Mao et al. 2023.
    """

    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        return seen.S
