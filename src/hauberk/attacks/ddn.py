"""The decoupled direction and norm attack."""

from dataclasses import dataclass
from math import cos, pi

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, ascent
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, Positive, PositiveShare, Several
from hauberk.searches.nearest import Nearest, direction, farthest
from hauberk.searches.required import require_ball


@dataclass(frozen=True)
class DDN(MinimumDistanceAttack):
    """A walk on spheres of the l_2 norm, which shrink where the point is misclassified and grow where it is not.

    The cross-entropy gives only the direction; where its gradient vanishes, a random direction takes its place.

    Args:
        steps: the number of forward-backward passes; one more forward pass checks the last point.
        gamma: the share by which a sphere shrinks or grows.
        norm: the radius of the first sphere, in widths of the range of valid inputs.
        levels: the number of values that a coordinate of the answer may have, evenly spaced over the range of valid
            inputs; None: any value, as is always so without a range.

    Raises:
        InputError: steps, gamma or norm is not positive, or there are fewer than two levels.

    Example:
        >>> import torch
        >>> from hauberk.attacks import DDN
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.threats import L2Ball
        >>> def network(x):  # class 0 where the pixels sum to more than 0.5
        ...     return torch.stack([x.sum(1), 1 - x.sum(1)], 1)
        >>> S = L2Ball(0.2).at(torch.tensor([[0.4, 0.4]]))
        >>> z = DDN(levels=None)(network, S, torch.tensor([0]), noise=Noise.of(0, torch.arange(1)))
        >>> round(S.distance(z).item(), 2)  # the boundary is at a distance of 0.3 / sqrt(2)
        0.21

    Source: Rony et al. 2019, algorithm 1.
    """

    steps: Count = 100
    gamma: PositiveShare = 0.05
    norm: Positive = 1.0
    levels: Several | None = 256

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points found.

        Raises:
            UnsupportedSetError: the set is not a ball in the l_2 norm.
        """
        best = Nearest(require_ball(S, "DDN", 2.0), y, noise, enough)
        z, norm, most = S.start, self.norm * S.unit, farthest(best.S)
        for step in range(self.steps):
            found = ascent(surprise, network, best.S, z, best.y)
            wrong = found.misses(best.y)
            best.meet(wrong, z)
            z, norm, most, gradient, wrong = best.pack(z, norm, most, found.gradient, wrong)
            if not len(best):
                break
            rate = 0.01 + 0.99 * (1 + cos(pi * step / self.steps)) / 2
            norm = torch.minimum(norm * torch.where(wrong, 1 - self.gamma, 1 + self.gamma), most)
            ahead = direction(gradient, best.noise.fold(step)) * per_example(rate * best.S.unit, z)
            heading = z - best.S.start + ahead
            z = best.S.start + per_example(norm, z) * best.S.dual_vector(heading)
            z = self.rounded(best.S, clamped(best.S, z))
        best.look(network, z)
        return best.answers()

    def rounded(self, S: NormBall, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the nearest points whose coordinates are among the levels."""
        if self.levels is None or S.within is None:
            return z
        low, high = S.within
        unit = (high - low) / (self.levels - 1)
        return clamped(S, low + ((z - low) / unit).round() * unit)


def surprise(
    logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None
) -> Float[Tensor, "b"]:
    """Return the cross-entropy of the labels."""
    return F.cross_entropy(logits, y, reduction="none")
