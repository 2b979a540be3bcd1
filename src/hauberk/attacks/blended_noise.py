"""Uniform noise, blended with the input."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, misclassified
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Count
from hauberk.searches.required import require_ball, require_range
from hauberk.searches.search import Search


@dataclass(frozen=True)
class BlendedNoise(MinimumDistanceAttack):
    """Images drawn uniformly from the range until the network errs at one, which is then blended with the input.

    The start of a boundary attack.

    Args:
        draws: the largest number of images drawn.
        blends: the number of equally spaced blends; the nearest misclassified one is the answer.

    Raises:
        InputError: a count is not positive.

    Source: Brendel et al. 2018, section 2.1.
    """

    draws: Count = 1000
    blends: Count = 50
    black_box = True

    @staticmethod
    def cases() -> Cases:
        return {"draws": [20], "blends": [5]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified blend.

        Raises:
            UnsupportedSetError: the set is not a ball, or has no range.
        """
        require_range(require_ball(S, "BlendedNoise"), "BlendedNoise")
        search, shape = Search(S, y, None, noise), tuple(S.start.shape[1:])
        search.meet(misclassified(network, S, S.start, y), S.start)
        for draw in range(self.draws):
            search.pack()
            if not len(search):
                break
            low, high = require_ball(search.S, "BlendedNoise").limits
            drawn = low + (high - low) * search.noise.fold(draw).uniform(shape, S.start.dtype)
            search.meet(misclassified(network, search.S, drawn, search.y), drawn)
        far = search.answers(search.S.start)

        search = Search(S, y, None, noise)
        search.meet((far == S.start).flatten(1).all(1), S.start)  # nothing was found or needed
        for blend in range(1, self.blends):
            (far,) = search.pack(far)
            if not len(search):
                break
            ball = require_ball(search.S, "BlendedNoise")
            candidate = clamped(ball, torch.lerp(ball.start, far, blend / self.blends))
            search.meet(misclassified(network, search.S, candidate, search.y), candidate)
        return search.answers(far)
