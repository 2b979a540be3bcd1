"""Objectives that bound the first part of a network and attack the rest of it."""

from abc import abstractmethod
from dataclasses import dataclass, field

import torch

from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.bound_training.latent_attack import latent_margins
from hauberk.concepts.attack import SteerableAttack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import Count, NonNegative


@dataclass(frozen=True)
class PropagatedObjective(BoundObjective):
    """The product of an estimate's loss and the bound's once the radius is final; the bound's loss before that.

    Args:
        bounder: the bound method, for instance intervals.
        latent_attack: the attack on the last part, in cubes of radius 1; steered towards each wrong class in turn.
        activations: the number of activation functions in the attacked part.
        loss: the loss of the clean, the estimated and the worst logits.
        clean_weight: the weight of the clean loss, in [0, 1]; the robust one has the rest.
        gradient_scale: the factor of the gradient of the estimate's loss.
        regularizers: penalties computed from the boxes of the bound; none by default.

    Raises:
        InputError: activations is less than 1, or gradient_scale is negative.
    """

    bounder: Bounder
    latent_attack: SteerableAttack
    activations: Count
    loss: AdversarialLoss
    clean_weight: Schedule
    gradient_scale: NonNegative = 4.0
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    @staticmethod
    def cases() -> Cases:
        return {"activations": [1]}

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        S, first = self.region(seen, noise.fold(0)), torch.zeros_like(seen.y)
        bounds = self.bounder(seen.graph, S, seen.spec, outward=False, noise=noise.fold(1))
        loss = self.loss(worst_logits(bounds.lower), first)
        if progress.radius_share >= 1:
            margins = latent_margins(seen, bounds.boxes, self.latent_attack, self.activations, noise.fold(2))
            estimate = self.loss(worst_logits(margins), first)
            loss = loss * torch.lerp(estimate.detach(), estimate, self.gradient_scale)
        return Robust(loss.mean(), (bounds.lower > 0).all(1), bounds.boxes)

    @abstractmethod
    def region(self, seen: BoundedPass, noise: Noise) -> CertifiableSet:
        """Return the sets to bound: the perturbation sets themselves, or parts of them."""
