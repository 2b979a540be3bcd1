"""Salt-and-pepper noise of growing density."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, misclassified
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count
from hauberk.searches.required import require_ball, require_range
from hauberk.searches.search import Search


@dataclass(frozen=True)
class SaltAndPepper(MinimumDistanceAttack):
    """Random pixels set to the ends of the range, with a probability that grows until the network errs.

    Whenever a closer point is found, the probability falls to half the value that found it, and then grows to 1.2 times
    that value by the last step; if it gets there earlier, it falls again.

    Args:
        steps: the number of noisy images shown to the network.
        across_channels: True: a pixel of an image (b, c, h, w) is set in all channels at once.

    Raises:
        InputError: `steps` is not positive.

    Source: Rauber et al. 2020 (Foolbox), for the schedule; the noise is common.
    """

    steps: Count = 1000
    across_channels: bool = True
    black_box = True

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified point found, in the set's own distance.

        Raises:
            UnsupportedSetError: the set is not a ball, or has no range.
        """
        require_range(require_ball(S, "SaltAndPepper"), "SaltAndPepper")
        search, z, shape = Search(S, y, None, noise), S.start, tuple(S.start.shape[1:])
        if self.across_channels and len(shape) == 3:
            shape = (1, *shape[1:])
        nearest = torch.full_like(S.radius, torch.inf)
        probability, least, most = torch.zeros_like(nearest), torch.zeros_like(nearest), torch.ones_like(nearest)
        stride = torch.full_like(nearest, 1 / self.steps)
        search.meet(misclassified(network, S, z, y), z)
        for step in range(self.steps):
            z, nearest, probability, least, most, stride = search.pack(z, nearest, probability, least, most, stride)
            if not len(search):
                break
            ball = require_ball(search.S, "SaltAndPepper")
            low, high = ball.limits
            probability = torch.minimum(probability + stride, most)
            drawn, half = search.noise.fold(step).uniform(shape, z.dtype), 0.5 * per_example(probability, z)
            candidate = torch.where(drawn < half, low, torch.where(drawn >= 1 - half, high, ball.start))
            distance = ball.distance(candidate)
            better = misclassified(network, ball, candidate, search.y) & (distance < nearest)
            z, nearest = torch.where(per_example(better, z), candidate, z), torch.where(better, distance, nearest)
            least = torch.where(better, 0.5 * probability, least)
            most = torch.where(better, (1.2 * probability).clamp(max=1), most)
            stride = torch.where(better, (most - least) / (self.steps - step), stride)
            probability = torch.where(better | (probability >= most), least, probability)
            if enough:
                search.meet(nearest.isfinite() & ball.contains(z), z)
        return search.answers(z)
