"""Random noise, drawn repeatedly."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, misclassified
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.kernels.host import on_host
from hauberk.ranges import Count
from hauberk.searches.required import refusal, require_ball
from hauberk.searches.search import PATIENCE, Search

MOST_SCALINGS = 100
ENOUGH = 1 - 1e-6
"""Share of the radius at which scaling ends; it also keeps rounding from leaving the ball."""


@dataclass(frozen=True)
class RandomNoise(Attack):
    """Members drawn until the network errs at one; the last one drawn is the answer if it never does.

    Args:
        draws: the largest number of members drawn.

    Raises:
        InputError: `draws` is not positive.
    """

    draws: Count = 100
    black_box = True

    @staticmethod
    def cases() -> Cases:
        return {"draws": [5]}

    @abstractmethod
    def drawn(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a random member for each example."""

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        search, z = Search(S, y, None, noise), S.start
        for draw in range(self.draws):
            z = self.drawn(search.S, search.noise.fold(draw))
            search.meet(misclassified(network, search.S, z, search.y), z)
            (z,) = search.pack(z)
            if not len(search):
                break
        return search.answers(z)


class UniformNoise(RandomNoise):
    """Members drawn by the set itself: uniform in a box, and in a ball without a range.

    Arguments and errors are those of `RandomNoise`.
    """

    def drawn(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return S.sample(noise)


class GaussianNoise(RandomNoise):
    """Normal noise, scaled to have the ball's radius after clamping to the range, where possible.

    Arguments and errors are those of `RandomNoise`.
    """

    def drawn(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a random member at the radius.

        Raises:
            UnsupportedSetError: the set is not a ball, or its norm does not grow with the noise (p = 0).
        """
        ball = require_ball(S, "GaussianNoise")
        if ball.p == 0:
            raise refusal(S, "GaussianNoise needs a norm that grows with the noise")
        direction = noise.normal(tuple(S.start.shape[1:]), S.start.dtype) * ball.weight
        goal, before = ENOUGH * S.radius, torch.zeros_like(S.radius)
        length = ball.size(direction)
        scale = goal / length.clamp(min=torch.finfo(length.dtype).tiny)
        z = S.start
        # The ratio of the clamped norm to the scale never grows with the scale: the goal is approached from below.
        for scaling in range(MOST_SCALINGS):
            z = clamped(ball, S.start + per_example(scale, z) * direction)
            length = ball.distance(z)
            short = (length < ENOUGH * goal) & (length > before)  # a norm stops growing at a corner of the range
            if (on_host(z) or scaling % PATIENCE == PATIENCE - 1) and not short.any():
                break
            scale, before = torch.where(short, scale * (goal / length).clamp(max=2), scale), length
        return S.project(z)
