"""The l_0 ball."""

from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.radius import per_example
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.moves import greedy


@dataclass(frozen=True)
class L0Set(NormBall):
    """The points of the range that differ from `start` in at most `radius` coordinates, rounded down; not convex.

    Args:
        start: the unperturbed points.
        radius: the number of coordinates that may change, per example.
        within: the range of valid inputs.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    within: tuple[float, float]
    p = 0.0
    convex = False

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "L0Set":
        return replace(self, start=self.start[index], radius=self.radius[index])

    def resized(self, radius: Float[Tensor, "b"]) -> "L0Set":
        return replace(self, radius=radius)

    @property
    def stride(self) -> Float[Tensor, "b"]:
        return self.unit

    @property
    def count(self) -> Int[Tensor, "b 1"]:
        """The number of coordinates that may change."""
        return self.radius.floor().long().clamp(max=self.start.shape[1:].numel())[:, None]

    def uncut(self) -> NormBall:
        raise UnsupportedSetError("an l_0 ball is made of the range of valid inputs: there is none without it.")

    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return (move != 0).flatten(1).sum(1).to(move.dtype)

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        """Return True for members; a coordinate that differs by at most `atol` counts as unchanged."""
        low, high = self.within
        changed = ((z - self.start).abs() > atol).flatten(1).sum(1, keepdim=True)
        return (changed <= self.count)[:, 0] & ((z >= low - atol) & (z <= high + atol)).flatten(1).all(1)

    def kept(self, z: Float[Tensor, "b *z"], worth: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return z with all but the most valuable coordinates reset; those of no worth are reset as well."""
        flat = worth.flatten(1)
        order = flat.argsort(stable=True, dim=1, descending=True)
        first = torch.arange(flat.shape[1], device=z.device) < self.count
        chosen = torch.zeros_like(first.expand_as(flat)).scatter(1, order, first.expand_as(flat)) & (flat > 0)
        return torch.where(chosen.view_as(z), z, self.start)

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the nearest member: it has the changes, cut by the range, that save the most distance."""
        inside = z.clamp(*self.within)
        return self.kept(inside, (z - self.start).square() - (z - inside).square())

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return the most promising member with `length` more coordinates at the ends of the range, at least one.

        The coordinates that gain most are moved; an unchanged one then replaces the least useful change. Of all
        coordinates that now differ from the start, those with the largest products of gradient and change remain.
        """
        low, high = self.within
        ends = torch.where(gradient > 0, high, low)
        worth, reach = (gradient * (z - self.start)).flatten(1), (gradient * (ends - self.start)).flatten(1)
        changed = (z != self.start).flatten(1)
        full = changed.sum(1, keepdim=True) >= self.count
        least = torch.where(changed, worth, torch.inf).amin(1, keepdim=True)
        gain = torch.where(changed, reach - worth, reach - torch.where(full, least, 0))
        order = gain.argsort(stable=True, dim=1, descending=True)
        moved = torch.arange(gain.shape[1], device=z.device) < length.floor().clamp(min=1)[:, None]
        moved = torch.zeros_like(gain, dtype=torch.bool).scatter(1, order, moved) & (gain > 0)
        z = torch.where(moved.view_as(z), ends, z)
        return self.kept(z, gradient * (z - self.start))

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a point whose random coordinates have uniform values within the range."""
        shape, (low, high) = tuple(self.start.shape[1:]), self.within
        values = low + (high - low) * noise.fold(0).uniform(shape, self.start.dtype)
        return self.kept(values, noise.fold(1).uniform(shape, self.start.dtype))

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        """Return max of <c, z> over the set, from the largest gains of moving coordinates to their ends. Sorts rows."""
        low, high = self.within
        c, start = c.flatten(2), self.start.flatten(1).unsqueeze(1)
        gain = torch.where(c > 0, c * (high - start), c * (low - start)).clamp(min=0).nan_to_num(nan=torch.inf)
        gain = gain.sort(2, descending=True).values
        first = torch.arange(c.shape[2], device=c.device) < self.count.unsqueeze(1)
        center = (c * start).sum(2, dtype=torch.float64)
        return (center + torch.where(first, gain, 0).sum(2, dtype=torch.float64)).to(c.dtype)

    def bounding_box(self) -> Box:
        low, high = self.within
        free = per_example(self.count[:, 0] > 0, self.start)
        return Box(torch.where(free, low, self.start), torch.where(free, high, self.start))

    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Raise: a change of a single coordinate has length 1, however far it goes.

        Raises:
            UnsupportedSetError: always.
        """
        raise UnsupportedSetError("an l_0 ball has no dual norm: use an attack that asks for none (FMN, PGD).")

    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        """Return the least move: the coordinates that contribute most are filled first."""
        return greedy(gain * room, gain, room, need)


@dataclass(frozen=True)
class L0Ball(BallThreat):
    """The threat that eps coordinates of an input change to any values within the range of valid inputs.

    Args:
        eps: the number of coordinates, rounded down, each colour of a pixel being one: a number, or a tensor (b,) with
            one number per example.
        within: the range of valid inputs, which must be given.

    Raises:
        InputError: eps is not a radius, or there is no range: a single coordinate could then do anything.
    """

    norm = "l0"

    @staticmethod
    def cases() -> Cases:
        return {"eps": [3, 0, 5.5]}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.within is None:
            raise InputError("an l_0 ball needs the range of valid inputs: within=(0, 1), say.")

    def at(self, x: Float[Tensor, "b *x"]) -> L0Set:
        start, count, within = self.centers(x)
        return L0Set(start, count, cast(tuple[float, float], within))  # checked by the constructor
