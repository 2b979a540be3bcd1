"""Random noise, drawn again and again."""

from abc import abstractmethod
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, misclassified, require_positive
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import require_ball
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.errors import UnsupportedSetError
from hauberk.searches.search import Search

MOST_SCALINGS = 100
ENOUGH = 1 - 1e-6
"""Of the radius, the share at which scaling ends; it also keeps rounding from leaving the ball."""


@dataclass(frozen=True)
class RandomNoise(Attack):
    """Draws members until the network errs at one; answers with the last where it does not.

    Args:
        draws: how many.

    Raises:
        InputError: `draws` is not positive.
    """

    draws: int = 100
    black_box = True

    @staticmethod
    def cases() -> Cases:
        return {"draws": [5]}

    def __post_init__(self) -> None:
        require_positive(type(self).__name__, draws=self.draws)

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
    """Members that the set draws itself: uniform in a box, and in a ball without a range."""

    def drawn(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return S.sample(noise)


class GaussianNoise(RandomNoise):
    """Normal noise, scaled until it has the ball's radius after it was clamped to the range, where it can."""

    def drawn(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a random member at the radius.

        Raises:
            UnsupportedSetError: the set is no ball, or one whose norm does not grow with the noise (p = 0).
        """
        ball = require_ball(S, "GaussianNoise")
        if ball.p == 0:
            raise UnsupportedSetError(
                "GaussianNoise needs a norm that grows with the noise, but the perturbation set is a ball with p = 0."
            )
        low, high = ball.within or (-inf, inf)
        direction = noise.normal(tuple(S.start.shape[1:]), S.start.dtype)
        goal, before = ENOUGH * S.radius, torch.zeros_like(S.radius)
        length = ball.distance(S.start + direction)
        scale = goal / length.clamp(min=torch.finfo(length.dtype).tiny)
        z = S.start
        # The clamped norm over the scale never grows with the scale: the goal is approached from below.
        for _ in range(MOST_SCALINGS):
            z = (S.start + per_example(scale, z) * direction).clamp(low, high)
            length = ball.distance(z)
            short = (length < ENOUGH * goal) & (length > before)  # a norm that grows no more is at the range's corner
            if not short.any():
                break
            scale, before = torch.where(short, scale * (goal / length).clamp(max=2), scale), length
        return S.project(z)
