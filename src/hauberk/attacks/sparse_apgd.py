"""Auto-PGD for l_1 balls."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.kernels.host import on_host
from hauberk.ranges import Count
from hauberk.searches.required import require_ball
from hauberk.searches.search import Search

LARGER = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
"""Radii, as multiples of the ball's, and the share of the steps taken in each."""


@dataclass(frozen=True)
class SparseAPGD(SteerableAttack):
    """Projected ascent along the largest entries of the gradient, whose number follows the best point so far.

    The walk visits three balls, of 3, 2 and 1 radii, projecting from each onto the next, and ends by trying the point
    that the best gradient favours most: without that, it ends a per cent or two below the optimum of a linear network.
    Answers with the first misclassified member met, or else with the member of largest loss.

    Args:
        loss: the loss to ascend.
        steps: the number of forward-backward passes, in addition to one for each ball.
        samples: the number of passes that each step averages over, for a network that draws random numbers.

    Raises:
        InputError: steps or samples is not positive.
        UnsupportedSetError: the set is not an l_1 ball.

    Source: Croce & Hein 2021, Alg. 1, and the released code.
    """

    loss: AdversarialLoss
    steps: Count = 100
    samples: Count = 1

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        ball, search = require_ball(S, "SparseAPGD", 1), Search(S, y, target, noise)
        start = ball.start
        drawn = noise.fold(0).normal(tuple(start.shape[1:]), start.dtype) * per_example(ball.unit, start)
        best, gradient, loss = start + drawn, torch.zeros_like(start), torch.zeros_like(ball.radius)
        for number, (multiple, share) in enumerate(LARGER):
            if not len(search):
                break
            wide = ball_of(search).resized(multiple * search.S.radius)
            z = wide.project(best)
            steps = max(1, round(share * self.steps))
            best, gradient, loss = self.phase(network, search, z, multiple, steps, fresh=number == 0)
        if not len(search):
            return search.answers(best)
        best, S = search.S.project(best), search.S
        corner = S.project(S.steepest_step(S.start, gradient, S.radius, search.noise.fold(1)))
        found = ascent(self.loss, network, S, corner, search.y, search.target, self.samples)
        search.meet(found.misses(search.y), corner)
        return search.answers(torch.where(per_example(found.loss > loss, best), corner, best))

    def phase(
        self,
        network: Network,
        search: Search,
        z: Float[Tensor, "b *z"],
        multiple: float,
        steps: int,
        *,
        fresh: bool,
    ) -> tuple[Float[Tensor, "s *z"], Float[Tensor, "s *z"], Float[Tensor, "s"]]:
        """Walk in the ball of `multiple` radii; return the points of largest loss, their gradients and losses."""
        size, window = z[0].numel(), max(int(0.04 * steps), 1)
        best, best_gradient, best_loss = z, torch.zeros_like(z), torch.full_like(z.flatten(1)[:, 0], -inf)
        longest = multiple * search.S.radius
        length, now = longest, changed(z - search.S.start)
        density = torch.full_like(now, 0.2) if fresh else now / size / 1.5
        sparsity = torch.full_like(now, size) if fresh else now
        for step in range(steps + 1):
            found = ascent(self.loss, network, search.S, z, search.y, search.target, self.samples)
            gradient, loss = found.gradient, found.loss
            better = per_example(loss > best_loss, z)
            best, best_gradient = torch.where(better, z, best), torch.where(better, gradient, best_gradient)
            best_loss = torch.maximum(loss, best_loss)
            search.meet(found.misses(search.y) & search.S.contains(z), z)
            z, gradient, best, best_gradient, best_loss, longest, length, sparsity, density = search.pack(
                z, gradient, best, best_gradient, best_loss, longest, length, sparsity, density
            )
            if not len(search) or step == steps:
                break
            wide = ball_of(search).resized(longest)
            if step and step % window == 0:
                now = changed(best - wide.start)
                sparser = (now / sparsity < 0.95)[:, 0]
                density, sparsity = now / size / 1.5, now
                length = torch.where(sparser, longest, torch.maximum(length / 1.5, longest / 10))
                back = per_example(sparser, z)
                z, gradient = torch.where(back, best, z), torch.where(back, best_gradient, gradient)
            z = wide.project(z + largest_entries(gradient, density) * per_example(length, z))
        return best, best_gradient, best_loss


def ball_of(search: Search) -> NormBall:
    """Return the search's set, which is an l_1 ball."""
    return require_ball(search.S, "SparseAPGD", 1)


def changed(offset: Float[Tensor, "b *z"]) -> Float[Tensor, "b 1"]:
    """Return the number of coordinates that differ."""
    return (offset != 0).flatten(1).sum(1, keepdim=True).to(offset.dtype)


def largest_entries(gradient: Float[Tensor, "b *z"], density: Float[Tensor, "b 1"]) -> Float[Tensor, "b *z"]:
    """Return the signs of this share of the entries, the largest (at least one), divided by their number."""
    size = gradient.flatten(1).abs()
    count = (density * size.shape[1]).long().clamp(1, size.shape[1])
    few = int(count.max()) if on_host(size) else size.shape[1]  # elsewhere the processor would wait
    ranked = size.topk(few, dim=1).values
    signs = gradient.flatten(1).sign() * (size >= ranked.gather(1, count - 1))
    return (signs / signs.abs().sum(1, keepdim=True).clamp(min=1)).view_as(gradient)
