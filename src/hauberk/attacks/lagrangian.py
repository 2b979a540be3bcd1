"""The Lagrangian attack, for balls in any differentiable distance."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent, slope
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ordinary_set
from hauberk.concepts.radius import per_example
from hauberk.kernels.gradients import gradients, ordinary
from hauberk.ranges import Count, NonNegative, Positive
from hauberk.searches.required import refusal, require_distance
from hauberk.searches.search import Search

PROBE = 0.1
"""The length, in widths of the range, of the move by which the distance's rate of change is measured."""
LAST = 0.1
"""The length of a round's last step as a share of its first one's, if there were one more."""
TINY = 1e-8
"""The number added to that rate."""


@dataclass(frozen=True)
class Lagrangian(SteerableAttack):
    """Ascent of loss - weight * max(0, distance / radius - 1), in the range but not in the ball.

    Each step moves the image by a length in the set's own distance, whose local rate along the step is measured. Where
    a round ends outside the ball, the weight grows. Answers are misclassified points inside the ball, if any were met,
    or else the last points, projected.

    In training, one round with a weight that rises serves (Fast LPA): rounds=1, weight=0.5, rise=10, and
    stop_when_broken=False.

    Args:
        loss: the loss to ascend.
        rounds: the number of rounds.
        steps: the number of steps in each round.
        weight: the first weight. The published one, 0.01 for distances in their own unit at a radius of 0.5, is 0.005
            here (Fast LPA: 0.5). So small a weight lets images go so far that few come back: on an MNIST network, with
            a perceptual ball, it broke far fewer of them.
        growth: the factor by which the weights of images outside the ball grow after a round.
        rise: the factor by which weights grow over the steps of a round, and fall back after it.
        step: the length of a round's first step, in radii; the lengths fall tenfold over a round.
        deviation: the standard deviation of the noise that it starts with, in widths of the range of valid inputs.
        stop_when_broken: True, for evaluation. False, for adversarial training: answer with the last points, projected.
        samples: the number of passes that each step averages over, for a network that draws random numbers.

    Raises:
        InputError: an argument other than `deviation` is not positive.
        UnsupportedSetError: on use, if the set is no ball in a distance that has a gradient.

    Example:
        >>> import torch
        >>> from hauberk.attacks import Lagrangian
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import Margin
        >>> from hauberk.threats import L2Ball
        >>> def network(x):  # class 0 where the pixels sum to more than 0.5
        ...     return torch.stack([x.sum(1), 1 - x.sum(1)], 1)
        >>> x, y = torch.tensor([[0.3, 0.3], [0.9, 0.9]]), torch.tensor([0, 0])
        >>> S = L2Ball(0.1).at(x)
        >>> z = Lagrangian(Margin())(network, S, y, noise=Noise.of(0, torch.arange(2)))
        >>> network(z).argmax(1) != y, S.contains(z)
        (tensor([ True, False]), tensor([True, True]))

    Source: Laidlaw, Singla & Feizi 2021 (LPA).
    """

    loss: AdversarialLoss
    rounds: Count = 5
    steps: Count = 20
    weight: Positive = 5.0
    growth: Positive = 10.0
    rise: Positive = 1.0
    step: Positive = 1.0
    deviation: NonNegative = 0.01
    stop_when_broken: bool = True
    samples: Count = 1

    @staticmethod
    def cases() -> Cases:
        return {"rounds": [2, 1], "rise": [1.0, 10.0], "samples": [1, 2]}

    @property
    def steady(self) -> bool:
        return not self.stop_when_broken

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        ball = require_distance(S, "Lagrangian")
        search, weight = Search(ball, y, target, noise), torch.full_like(S.radius, self.weight)
        normal = noise.normal(tuple(S.start.shape[1:]), S.start.dtype)
        z = (S.start + per_example(self.deviation * S.unit, S.start) * normal).clamp(*ball.limits)
        for number in range(self.rounds * self.steps):
            share = number % self.steps / self.steps
            found = ascent(self.loss, network, ball, z, search.y, search.target, self.samples)
            outside, away = excess(ball, z)
            if number and not share:
                weight = torch.where(outside, self.growth * weight, weight)
            charge = torch.where(outside, self.rise**share * weight, 0)
            heading = found.gradient - torch.where(per_example(outside, z), per_example(charge, z) * away, 0)
            if self.stop_when_broken:
                search.meet(found.misses(search.y) & ~outside, z)
                z, heading, weight = search.pack(z, heading, weight)
                if not len(search):
                    break
                ball = require_distance(search.S, "Lagrangian")
            z = moved(ball, z, heading, self.step * LAST**share)
        return S.project(search.answers(z))


def excess(S: MetricBall, z: Float[Tensor, "b *z"]) -> tuple[Bool[Tensor, "b"], Float[Tensor, "b *z"]]:
    """Return which points are outside the balls, and the gradient of their distances in radii.

    Raises:
        UnsupportedSetError: the distance has no gradient.
    """
    with gradients():
        z = ordinary(z.detach()).requires_grad_()
        distance = require_distance(ordinary_set(S), "Lagrangian").distance(z)
        if not distance.requires_grad:
            raise refusal(S, "Lagrangian needs a distance that has a gradient")
        away = slope(distance, z)
    radius = S.radius.clamp(min=torch.finfo(z.dtype).eps)  # where it is 0, the distance is all that counts
    return distance.detach() > S.radius, away / per_example(radius, z)


def moved(
    S: MetricBall, z: Float[Tensor, "b *z"], heading: Float[Tensor, "b *z"], share: float
) -> Float[Tensor, "b *z"]:
    """Return points moved along a heading by a share of the radius in the set's distance, clamped to the range."""
    low, high = S.limits
    heading = torch.where((low < high) & heading.isfinite(), heading, 0)
    tiny = torch.finfo(z.dtype).tiny
    heading = heading / per_example(heading.flatten(1).abs().amax(1).clamp(min=tiny), z)
    heading = heading * per_example(S.unit / heading.flatten(1).norm(dim=1).clamp(min=tiny), z)
    with torch.no_grad():
        rate = S.between(z, z + PROBE * heading) / PROBE
    by = (share * S.radius / (rate + TINY)).nan_to_num(0.0)  # where a distance is no number, the point stays
    return (z + per_example(by, z) * heading).clamp(low, high)
