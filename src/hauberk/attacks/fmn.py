"""The fast minimum-norm attack."""

from dataclasses import dataclass
from math import cos, inf, pi

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, ascent
from hauberk.concepts.loss import lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, Positive, PositiveShare
from hauberk.searches.borders import dual_norm
from hauberk.searches.nearest import Nearest, direction, farthest
from hauberk.searches.required import require_ball


@dataclass(frozen=True)
class FMN(MinimumDistanceAttack):
    """Projected ascent in balls, in any norm, that shrink where the point is misclassified and grow where it is not.

    Steps and the balls' changes shrink along half a cosine. Until an example is broken, its ball grows from the
    distance at which a linear network would break, since rounding keeps points at exactly that distance unbroken. An
    l_0 ball changes by at least one coordinate. Where the gradient vanishes, a random direction takes its place.

    Args:
        steps: the number of forward-backward passes; one more forward pass checks the last point.
        step: the Euclidean length of the first step, in widths of the range of valid inputs; in a box, each coordinate
            is measured by its own reach.
        last_step: the length of the last step, as a share of the first.
        gamma: the share by which a ball shrinks or grows at first.
        last_gamma: the share by which it does so at the end.

    Raises:
        InputError: an argument is not positive.

    Source: Pintor et al. 2021, algorithm 1.
    """

    steps: Count = 100
    step: Positive = 1.0
    last_step: PositiveShare = 0.01
    gamma: PositiveShare = 0.05
    last_gamma: PositiveShare = 0.001

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points found.

        Raises:
            UnsupportedSetError: the set is not a ball in a norm.
        """
        best = Nearest(require_ball(S, "FMN"), y, noise, enough)
        z, radius, most = S.start, torch.zeros_like(S.radius), farthest(best.S)
        for step in range(self.steps):
            found = ascent(lead, network, best.S, z, best.y)
            wrong = found.misses(best.y)
            best.meet(wrong, z)
            z, radius, most, value, gradient, wrong = best.pack(z, radius, most, found.loss, found.gradient, wrong)
            if not len(best):
                break
            left = (1 + cos(pi * step / self.steps)) / 2
            gamma = self.last_gamma + (self.gamma - self.last_gamma) * left
            length = self.step * (self.last_step + (1 - self.last_step) * left) * best.S.unit
            larger = grown(best.S, radius, gamma)
            if best.S.p:
                there = aimed(best.S, z, value, gradient, length)
                larger = torch.where(best.length < inf, larger, grown(best.S, there, gamma))
            smaller = torch.minimum(shrunk(best.S, radius, gamma), best.length)
            radius = torch.minimum(torch.where(wrong, smaller, larger), most)
            heading = direction(gradient * best.S.weight, best.noise.fold(step)) * best.S.weight
            z = outward(best, z + per_example(length, z) * heading, radius)
            z = best.S.resized(radius).project(z)
        best.look(network, z)
        return best.answers()


def outward(best: Nearest, z: Float[Tensor, "s *z"], radius: Float[Tensor, "s"]) -> Float[Tensor, "s *z"]:
    """Return the points moved out to their balls' surfaces where nothing has been found yet.

    Steps alone would not get there: where gradients nearly vanish, the border seems far away, and the ball grows by
    much more than a step.
    """
    if best.S.p == 0:
        return z
    offset, length = z - best.S.start, best.S.distance(z)
    far = torch.where((best.length < inf) | (length == 0), 1, (radius / length).clamp(min=1))
    return best.S.start + offset * per_example(far, z)


def shrunk(S: NormBall, radius: Float[Tensor, "s"], gamma: float) -> Float[Tensor, "s"]:
    """Return the radii reduced by a share `gamma`; in an l_0 ball, by at least one coordinate."""
    less = radius * (1 - gamma)
    return less if S.p else torch.minimum(less.floor(), radius - 1)


def grown(S: NormBall, radius: Float[Tensor, "s"], gamma: float) -> Float[Tensor, "s"]:
    """Return the radii increased by a share `gamma`; in an l_0 ball, by at least one coordinate."""
    more = radius * (1 + gamma)
    return more if S.p else torch.maximum(more.floor(), radius + 1)


def aimed(
    S: NormBall,
    z: Float[Tensor, "s *z"],
    value: Float[Tensor, "s"],
    gradient: Float[Tensor, "s *z"],
    otherwise: Float[Tensor, "s"],
) -> Float[Tensor, "s"]:
    """Return the distance at which a linear network's answer would change; if never, z's distance plus `otherwise`."""
    dual = dual_norm(S, gradient)
    return S.distance(z) + torch.where(dual > 0, -value / dual, otherwise)
