"""The Square attack in the l_2 and l_1 norms."""

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.kernels.rows import COMPILED
from hauberk.kernels.windows import swap
from hauberk.searches.query_search import QuerySearch, windows
from hauberk.searches.required import refusal

DECAY = {2.0: 2, 1.0: 4}
"""Power at which a bump's rings lose weight, for each norm."""
GRID = 5
"""Patterns along each side of an image at first, or one per pixel if it is smaller."""
SHRINK = 1 - 1e-6
"""Keeps rounding in float32 from taking a candidate out of its ball: a later projection might undo a success."""

CANCELLED = 1e-3
"""A sum of two patterns of norm 1 that is smaller than this is rounding error."""


@dataclass(frozen=True)
class SquareWindows(QuerySearch):
    """A grid of bumps; then the contents of two windows move into the first of them, reshaped by a new bump.

    For images in l_2 and l_1 balls; for l_inf balls use `Square`. The first window's norm becomes that of both windows'
    contents, channel by channel, plus an equal share of the unused norm. The perturbation then has the norm eps, so
    that neither rescaling nor projecting onto ball and range together does more than clamping to the range.

    Arguments and errors are those of `Square`.

    Sources: Andriushchenko et al. 2020, Alg. 3 (l_2); Croce & Hein 2021 (l_1).
    """

    @staticmethod
    def cases() -> Cases:
        return {"queries": [20]}

    def supported(self, S: PerturbationSet) -> NormBall:
        if not isinstance(S, NormBall) or S.p not in DECAY:
            raise refusal(S, "SquareWindows is defined for balls in the l_2 and l_1 norms")
        return S

    def numbers(self, channels: int) -> int:
        return 5 + channels

    def first(self, S: NormBall, noise: Noise) -> Float[Tensor, "b c h w"]:
        channels, height, width = S.start.shape[1:]
        count = min(GRID, height, width)
        side = min(height, width) // count
        sign = torch.where(noise.fold(0).uniform((channels, count, 1, count, 1)) < 0.5, -1, 1)
        turned = noise.fold(1).uniform((1, count, 1, count, 1)) < 0.5
        bump = pattern(side, S.p, S.start.dtype, S.start.device)
        # Axes: channels, rows of patterns, rows in each, columns of patterns, columns in each.
        grid = sign * torch.where(turned, bump.mT[:, None], bump[:, None])
        grid = grid.reshape(-1, channels, count * side, count * side)
        above, left = (height - count * side) // 2, (width - count * side) // 2
        grid = F.pad(grid, (left, width - count * side - left, above, height - count * side - above))
        length = torch.linalg.vector_norm(grid.flatten(1), S.p, dim=1)
        low, high = S.within or (-inf, inf)
        return (S.start + grid * per_example(SHRINK * S.radius / length, grid)).clamp(low, high)

    def proposal(
        self, S: NormBall, z: Float[Tensor, "b c h w"], side: int, drawn: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, "b c h w"]:
        side = max(side, 3) | 1
        side = min(side, (min(z.shape[2:]) - 1) | 1)  # the largest odd side that fits
        if not (COMPILED and z.device.type == "cpu"):
            return self.plain_proposal(S, z, side, drawn)
        euclidean, radius, within = S.p == 2, SHRINK * S.radius, S.within or (-inf, inf)
        bump = pattern(side, S.p)
        return swap(z, S.start, radius, within, bump, drawn, euclidean=euclidean, cancelled=CANCELLED)

    def plain_proposal(
        self, S: NormBall, z: Float[Tensor, "b c h w"], side: int, drawn: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, "b c h w"]:
        """Return the same by torch's own operations, for windows of exactly this side."""
        (low, high), p, channels = S.within or (-inf, inf), S.p, z.shape[1]
        offset, start = (z - S.start).flatten(1), S.start.flatten(1)
        unused = (SHRINK * S.radius) ** p - torch.linalg.vector_norm(offset, p, dim=1) ** p

        filled, emptied = windows(z, side, drawn[:, :2]), windows(z, side, drawn[:, 2:4])
        content = by_channel(offset.gather(1, filled), channels)
        freed = size(by_channel(offset.gather(1, emptied), channels), p) ** p
        offset.scatter_(1, emptied, 0.0)
        freed = freed + size(by_channel(offset.gather(1, filled), channels), p) ** p  # their overlap counts once

        bump = pattern(side, p, z.dtype, z.device)
        bump = torch.where(per_example(drawn[:, 4] < 0.5, z[:, 0]), bump.mT, bump).flatten(1).unsqueeze(1)
        bump = torch.where(drawn[:, 5:, None] < 0.5, -bump, bump)
        shape = unit(content, p) + bump
        shape = torch.where(size(shape, p) > CANCELLED, shape, bump)
        shape = unit(shape, p) * (freed + unused[:, None, None] / channels).clamp(min=0) ** (1 / p)

        candidate = z.flatten(1).scatter(1, emptied, start.gather(1, emptied))
        moved = (start.gather(1, filled) + shape.flatten(1)).clamp(low, high)
        return candidate.scatter_(1, filled, moved).view_as(z)


def by_channel(window: Float[Tensor, "b n"], channels: int) -> Float[Tensor, "b c m"]:
    """Return the values of flat windows, split into channels."""
    return window.unflatten(1, (channels, -1))


def size(window: Float[Tensor, "b c m"], p: float) -> Float[Tensor, "b c 1"]:
    """Return the l_p norm of each channel."""
    return torch.linalg.vector_norm(window, p, dim=2, keepdim=True)


def unit(window: Float[Tensor, "b c m"], p: float) -> Float[Tensor, "b c m"]:
    """Return the window scaled to norm 1, channel by channel; zeros stay zero."""
    return window / size(window, p).clamp(min=torch.finfo(window.dtype).tiny)


@lru_cache(64)
def pattern(
    side: int, p: float, dtype: torch.dtype = torch.float64, device: torch.device | None = None
) -> Float[Tensor, "side side"]:
    """Return two bumps of opposite signs, one above the other, with norm 1 together."""
    above, below = bump(side // 2, side, DECAY[p]), bump(side - side // 2, side, DECAY[p])
    parts = [part / torch.linalg.vector_norm(part, p).clamp(min=1e-12) for part in (above, -below)]
    both = torch.cat(parts)
    return (both / torch.linalg.vector_norm(both, p)).to(device or both.device, dtype)


def bump(height: int, width: int, decay: int) -> Float[Tensor, "h w"]:
    """Return the sum of concentric squares around the middle, cut by the edge; the i-th from inside weighs i^-decay."""
    row = (torch.arange(height) - height // 2).abs()[:, None]
    column = (torch.arange(width) - width // 2).abs()
    weights = torch.arange(1, max(height, width) // 2 + 2, dtype=torch.float64) ** -decay
    inside = weights.flip(0).cumsum(0).flip(0)  # the weight of all squares that hold a pixel i away from the middle
    return inside[torch.maximum(row, column)]
