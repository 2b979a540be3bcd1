"""The boundary attack."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, misclassified
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, Positive, PositiveShare
from hauberk.searches.required import require_ball
from hauberk.searches.search import Search

EVERY = 10
"""Number of steps between adjustments of the step lengths."""
FACTOR = 1.5
"""Factor by which step lengths are adjusted."""
CONVERGED = 1e-7
"""Length of the step towards the input, as a share of the distance, below which a search ends."""
SPHERE, WHOLE = (100, 0.2, 0.5), (30, 0.1, 0.25)
"""Number of outcomes counted, and the success rates below which steps shrink and above which they grow."""


@dataclass(frozen=True)
class Boundary(MinimumDistanceAttack):
    """A random walk along the decision boundary, closer and closer to the input in the l_2 norm; needs only labels.

    Args:
        start: the attack whose answers the walk begins from.
        steps: the number of candidates shown to the network; every tenth time, it also sees the point before the step
            inwards.
        sphere: the initial length of the step around the input, as a share of the distance from it.
        inwards: the initial length of the step towards the input, likewise.

    Raises:
        InputError: steps, sphere or inwards is not positive.

    Source: Brendel et al. 2018, section 2.
    """

    start: MinimumDistanceAttack
    steps: Count = 25000
    sphere: Positive = 0.01
    inwards: PositiveShare = 0.01
    black_box = True

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified point found.

        Raises:
            UnsupportedSetError: the set is not an l_2 ball.
        """
        ball = require_ball(S, "Boundary", 2)
        z = self.start(network, S, y, noise=noise, enough=enough)
        search, distance = Search(S, y, None, noise), ball.distance(z)
        sphere, inwards = torch.full_like(distance, self.sphere), torch.full_like(distance, self.inwards)
        around, whole = (torch.zeros(len(y), size, dtype=torch.bool, device=z.device) for size, *_ in (SPHERE, WHOLE))
        around_seen, whole_seen = torch.zeros_like(y), torch.zeros_like(y)
        for step in range(self.steps):
            done = (distance == 0) | (inwards < CONVERGED)  # a distance of 0: nothing was found or needed
            search.meet(done | ball.contains(z) if enough else done, z)
            z, distance, sphere, inwards, around, around_seen, whole, whole_seen = search.pack(
                z, distance, sphere, inwards, around, around_seen, whole, whole_seen
            )
            if not len(search):
                break
            ball = require_ball(search.S, "Boundary", 2)
            beside, candidate = proposals(ball, z, distance, sphere, inwards, search.noise.fold(step + 1))
            wrong = misclassified(network, ball, candidate, search.y)
            length = ball.distance(candidate)
            better = wrong & (length < distance)
            z, distance = torch.where(per_example(better, z), candidate, z), torch.where(better, length, distance)
            if step % EVERY == 0:
                beside_wrong = misclassified(network, ball, beside, search.y)
                both, around_seen = record(around, around_seen, beside_wrong, step // EVERY, SPHERE)
                alone, whole_seen = record(whole, whole_seen, wrong, step // EVERY, WHOLE)
                sphere, inwards = sphere * both, inwards * both * alone
        return search.answers(z)


def proposals(
    ball: NormBall,
    z: Float[Tensor, "b *z"],
    distance: Float[Tensor, "b"],
    sphere: Float[Tensor, "b"],
    inwards: Float[Tensor, "b"],
    noise: Noise,
) -> tuple[Float[Tensor, "b *z"], Float[Tensor, "b *z"]]:
    """Return a point at the same distance from the input as z, up to clamping, and one nearer to the input."""
    low, high = ball.within or (-inf, inf)
    tiny = torch.finfo(z.dtype).tiny
    outwards = z - ball.start
    unit = outwards / per_example(distance.clamp(min=tiny), z)
    drawn = noise.normal(tuple(z.shape[1:]), z.dtype)
    drawn = drawn - per_example((drawn * unit).flatten(1).sum(1), z) * unit
    size = torch.linalg.vector_norm(drawn.flatten(1), dim=1).clamp(min=tiny)
    sideways = outwards + drawn * per_example(sphere * distance / size, z)
    beside = (ball.start + sideways / per_example((1 + sphere.square()).sqrt(), z)).clamp(low, high)
    reached = ball.distance(beside)
    # Clamping has already changed the distance, which counts as part of the step.
    share = (inwards * distance + reached - distance).clamp(min=0) / reached.clamp(min=tiny)
    return beside, torch.lerp(beside, ball.start, per_example(share, z)).clamp(low, high)


def record(
    outcomes: Bool[Tensor, "b n"],
    seen: Int[Tensor, "b"],
    outcome: Bool[Tensor, "b"],
    turn: int,
    rule: tuple[int, float, float],
) -> tuple[Float[Tensor, "b"], Int[Tensor, "b"]]:
    """Record an outcome in place of the oldest; return the factors for step lengths, and the outcomes now counted.

    Step lengths change once enough outcomes have been seen with the current one.
    """
    size, least, most = rule
    outcomes[:, turn % size] = outcome
    seen, rate = seen + 1, outcomes.float().mean(1)
    grow, shrink = (seen >= size) & (rate > most), (seen >= size) & (rate < least)
    factor = torch.where(grow, FACTOR, torch.where(shrink, 1 / FACTOR, 1.0))
    return factor, torch.where(grow | shrink, 0, seen)
