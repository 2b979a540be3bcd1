"""DeepFool."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import errs
from hauberk.ranges import Count, NonNegative, Several
from hauberk.searches.borders import nearest_border, ranked_targets
from hauberk.searches.nearest import Nearest
from hauberk.searches.required import require_norm

EXTRA = 1e-4
"""Distance by which a step goes beyond the border, in widths of the range of valid inputs."""


@dataclass(frozen=True)
class DeepFool(MinimumDistanceAttack):
    """Steps to the nearest border of the linearised network, until one is crossed.

    Coordinates at an end of the range of valid inputs stay where they are if a step would push them out, so that those
    that can move make the step: in the l_1 norm, a single one does.

    Args:
        steps: the number of forward passes, each with a backward pass for every class but one.
        classes: the number of classes considered, the label's included: those with the largest logits.
        overshoot: the share by which the perturbation is lengthened.

    Raises:
        InputError: steps is not positive, there are fewer than two classes, or overshoot is negative.

    Source: Moosavi-Dezfooli et al. 2016, algorithm 2.
    """

    steps: Count = 50
    classes: Several = 10
    overshoot: NonNegative = 0.02

    @staticmethod
    def cases() -> Cases:
        return {"classes": [3]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the first misclassified points met.

        Raises:
            UnsupportedSetError: the set is not a ball in a norm, or it is an l_0 ball, which has no dual norm.
        """
        best = Nearest(require_norm(S, "DeepFool"), y, noise, enough)
        with torch.no_grad():
            logits = network(S.decode(S.start))
        targets = ranked_targets(logits, y)[:, : self.classes - 1]
        best.meet(errs(logits, y), S.start)
        z, targets = best.pack(S.start, targets)
        offset = torch.zeros_like(z)
        for _ in range(self.steps):
            if not len(best):
                break
            found = nearest_border(network, best.S, z, best.y, targets)
            wrong = found.misses(best.y)
            best.meet(wrong, z)
            z, offset, targets, normal, value = best.pack(z, offset, targets, found.gradient, found.loss, leaving=wrong)
            if not len(best):
                break
            offset = offset + step_to(best.S, z, normal, value)
            z = clamped(best.S, best.S.start + (1 + self.overshoot) * offset)
        best.look(network, z)
        return best.answers()


def step_to(
    S: NormBall, z: Float[Tensor, "s *z"], normal: Float[Tensor, "s *z"], value: Float[Tensor, "s"]
) -> Float[Tensor, "s *z"]:
    """Return the shortest step from z, plus EXTRA, that raises a linear function with this normal from `value` to 0."""
    low, high = S.limits
    normal = torch.where((normal > 0) & (z >= high) | (normal < 0) & (z <= low), 0, normal)
    step = S.dual_vector(normal)
    gain = (normal * step).flatten(1).sum(1)
    return step * per_example(torch.where(gain > 0, value.abs() / gain, 0) + EXTRA * S.unit, z)
