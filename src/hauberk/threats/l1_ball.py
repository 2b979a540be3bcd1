"""The l_1 ball."""

from math import inf

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.ball_set import BallSet
from hauberk.concepts.ball_threat import BallThreat
from hauberk.concepts.noise import Noise


class L1Set(BallSet):
    """The points within `radius` of `start` in the l_1 norm that lie in the range of valid inputs."""

    p = 1.0

    def nearest(self, offset: Float[Tensor, "b n"], room: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """Sorts 2n numbers per example. Sources: Duchi et al. 2008 (ball); Croce & Hein 2021 (ball and box)."""
        size = offset.abs()
        shrunk = (size - threshold(size, room, self.radius[:, None].double())).clamp(min=0)
        return offset.sign() * torch.minimum(shrunk, room)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"]
    ) -> Float[Tensor, "b *z"]:
        """Return z with the pixels of the largest gradients moved to their borders, until `length` is spent.

        Inside the range no step of this l_1 norm is better. One that ignored the range would go on spending itself on a
        pixel that is at its border already; without a range one pixel moves.
        """
        low, high = self.within or (-inf, inf)
        room = torch.where(gradient > 0, high - z, z - low).clamp(min=0).flatten(1)
        order = gradient.flatten(1).abs().argsort(1, descending=True)
        room = room.gather(1, order)
        before = torch.minimum(room, length[:, None]).cumsum(1)
        before = F.pad(before[:, :-1], (1, 0))
        spent = torch.minimum((length[:, None] - before).clamp(min=0), room)
        move = torch.zeros_like(spent).scatter(1, order, spent).view_as(z)
        return z + gradient.sign() * move

    def drawn(self, noise: Noise, n: int) -> Float[Tensor, "b n"]:
        """Source: Barthe et al. 2005 (a coordinate dropped from a point of the simplex, random signs)."""
        share = 2 * noise.uniform((n + 1,), torch.float64) - 1
        size = -share.abs().log()
        return (share.sign() * size / size.sum(1, keepdim=True))[:, :n]

    def reach(self, c: Float[Tensor, "b k n"], room: Float[Tensor, "b k n"]) -> Float[Tensor, "b k"]:
        """A fractional knapsack: the best coordinates use up their room, as long as the radius lasts."""
        radius = self.radius[:, None]
        gains, order = c.sort(2, descending=True)
        room = room.gather(2, order)
        full = room.detach().double().cumsum(2) < radius.detach().unsqueeze(2)
        price = F.pad(gains, (0, 1)).gather(2, full.sum(2, keepdim=True))
        above = torch.where(full, room * (gains - price), 0).sum(2, dtype=torch.float64)
        return radius.double() * price.squeeze(2) + above


class L1Ball(BallThreat):
    """The absolute changes of an input's pixels may sum to eps, and each stays within the range of valid inputs."""

    norm = "l1"

    def at(self, x: Float[Tensor, "b *x"]) -> L1Set:
        return L1Set(*self.centers(x), self.within)


def threshold(
    size: Float[Tensor, "b n"], room: Float[Tensor, "b n"], radius: Float[Tensor, "b 1"]
) -> Float[Tensor, "b 1"]:
    """Return the least t >= 0 at which clamp(size - t, 0, room) sums to at most `radius`.

    The sum is a piecewise linear function of t: a coordinate joins in as t falls below its size, and leaves when it has
    used up its room.
    """
    events, order = torch.cat([size, (size - room).clamp(min=0)], 1).sort(1, descending=True)
    active = torch.where(order < size.shape[1], 1.0, -1.0).to(size.dtype).cumsum(1)
    sums = F.pad((active[:, :-1] * (events[:, :-1] - events[:, 1:])).cumsum(1), (1, 0))
    last = ((sums < radius).sum(1, keepdim=True) - 1).clamp(min=0)
    left = (radius - sums.gather(1, last)) / active.gather(1, last).clamp(min=1)
    return (events.gather(1, last) - left).clamp(min=0)
