"""The l_1 ball."""

from dataclasses import dataclass
from math import inf

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.kernels.levels import threshold
from hauberk.ranges import Count
from hauberk.sets.ball_set import BallSet
from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.moves import greedy


@dataclass(frozen=True)
class L1Set(BallSet):
    """The points within `radius` of `start` in the l_1 norm that lie in the range of valid inputs.

    Args:
        start: the unperturbed points.
        radius: the l_1 radius, per example.
        within: the range of valid inputs; None if every number is valid.
        coordinates: as in `L1Ball`.
    """

    coordinates: tuple[int, int] | None = None
    p = 1.0

    def nearest(self, offset: Float[Tensor, "b n"], room: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """Return the nearest offset in the ball and within `room`.

        Sources: Duchi et al. 2008 (ball); Croce & Hein 2021 (ball and box).
        """
        size = offset.abs()
        shrunk = (size - threshold(size, room, self.radius[:, None].double())).clamp(min=0)
        return offset.sign() * torch.minimum(shrunk, room)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return z with the pixels of the largest gradients moved to their borders, until `length` is spent.

        Within the range, no step of this l_1 norm is better. One that ignored the range would keep spending its length
        on a pixel already at its border; without a range, one pixel moves. With `coordinates`, a random number of
        pixels that can still move share the length equally (drawn per example; per batch in Maini et al. 2020).
        """
        low, high = self.within or (-inf, inf)
        room = torch.where(gradient > 0, high - z, z - low).clamp(min=0).flatten(1)
        gain = gradient.flatten(1).abs()
        if self.coordinates:
            least, most = (min(k, gain.shape[1]) for k in self.coordinates)
            count = least + (noise.uniform((1,), gain.dtype) * (most + 1 - least)).floor().clamp(max=most - least)
            place = torch.where(room > 0, gain, -1).topk(most).indices
            share = torch.where(torch.arange(most, device=z.device) < count, length[:, None] / count, 0)
            share = torch.minimum(share, room.gather(1, place))
        else:
            place = gain.argsort(1, descending=True)
            share = spent(room.gather(1, place), length)
        move = torch.zeros_like(gain).scatter(1, place, share).view_as(z)
        return z + gradient.sign() * move

    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        flat = w.flatten(1)
        place = flat.abs().argmax(1, keepdim=True)
        return torch.zeros_like(flat).scatter(1, place, flat.gather(1, place).sign()).view_as(w)

    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        return greedy(gain, gain, room, need)

    def drawn(self, noise: Noise, n: int) -> Float[Tensor, "b n"]:
        """Return a uniform offset in the unit ball.

        Source: Barthe et al. 2005 (a coordinate dropped from a point of the simplex, random signs).
        """
        share = 2 * noise.uniform((n + 1,), torch.float64) - 1
        size = -share.abs().log()
        return (share.sign() * size / size.sum(1, keepdim=True))[:, :n]

    def reach(self, c: Float[Tensor, "b k n"], room: Float[Tensor, "b k n"]) -> Float[Tensor, "b k"]:
        """Solve a fractional knapsack problem: the best coordinates use up their room as long as the radius lasts."""
        radius = self.radius[:, None]
        gains, order = c.sort(2, descending=True)
        room = room.gather(2, order)
        full = room.detach().double().cumsum(2) < radius.detach().unsqueeze(2)
        price = F.pad(gains, (0, 1)).gather(2, full.sum(2, keepdim=True))
        above = torch.where(full, room * (gains - price), 0).sum(2, dtype=torch.float64)
        return radius.double() * price.squeeze(2) + above


@dataclass(frozen=True)
class L1Ball(BallThreat):
    """The threat that the absolute changes of an input's pixels sum to eps, within the range of valid inputs.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per example.
        within: the range of valid inputs; None if every number is valid.
        coordinates: the (least, most) pixels among which a steepest step divides its length; None: it fills one pixel
            after the other. Fewer pixels raise the loss faster on a linear network; more cope better with curvature.

    Raises:
        InputError: eps is not a radius, or `coordinates` are not 1 <= least <= most.

    Example:
        >>> import torch
        >>> from hauberk.threats import L1Ball
        >>> S = L1Ball(0.5).at(torch.tensor([[0.5, 0.5]]))
        >>> S.contains(torch.tensor([[0.8, 0.8]]))  # at a distance of 0.6
        tensor([False])
        >>> S.support_function(torch.ones(1, 1, 2))  # the largest sum of both pixels: 1 + 0.5
        tensor([[1.5000]])
    """

    norm = "l1"
    coordinates: tuple[Count, Count] | None = None

    @staticmethod
    def cases() -> Cases:
        return {"eps": [1.5, 0.0, 6.0], "coordinates": [None, (2, 5)]}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coordinates is not None and not 1 <= self.coordinates[0] <= self.coordinates[1]:
            raise InputError(f"coordinates must be 1 <= least <= most, but are {self.coordinates}.")

    def at(self, x: Float[Tensor, "b *x"]) -> L1Set:
        return L1Set(*self.centers(x), self.coordinates)


def spent(room: Float[Tensor, "b n"], length: Float[Tensor, "b"]) -> Float[Tensor, "b n"]:
    """Return the share of a length that each coordinate takes, in order, up to its room."""
    before = F.pad(torch.minimum(room, length[:, None]).cumsum(1)[:, :-1], (1, 0))
    return torch.minimum((length[:, None] - before).clamp(min=0), room)
