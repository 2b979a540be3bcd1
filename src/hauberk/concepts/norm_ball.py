"""Balls in a norm, as required by methods that are defined by distances."""

from abc import abstractmethod
from dataclasses import replace
from math import inf

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.errors import UnsupportedSetError


class NormBall(CertifiableSet):
    """A ball in an l_p norm around the input, possibly cut by the range of valid inputs; p = 0 counts coordinates."""

    p: float
    within: tuple[float, float] | None
    """The range of valid inputs; None if every number is valid."""

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "NormBall":
        """Return the balls of some of the examples."""

    @abstractmethod
    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the l_p distance of z from the unperturbed point."""

    @abstractmethod
    def resized(self, radius: Float[Tensor, "b"]) -> "NormBall":
        """Return the balls with other radii around the same points."""

    def uncut(self) -> "NormBall":
        """Return the balls without the range of valid inputs.

        Raises:
            UnsupportedSetError: the range is part of the ball's definition, as in l_0.
        """
        return replace(self, within=None).resized(self.radius)  # pyright: ignore[reportArgumentType]

    @abstractmethod
    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the v of norm 1 with the largest <w, v>, which equals w's dual norm; 0 where w is 0."""

    @abstractmethod
    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        """Return the shortest move m with 0 <= m <= room and <gain, m> = need, or m = room if that is not enough.

        `gain` and `need` are non-negative; `room` may be infinite.
        """

    def meet(
        self, z: Float[Tensor, "b *z"], normal: Float[Tensor, "b *z"], offset: Float[Tensor, "b"]
    ) -> Float[Tensor, "b *z"]:
        """Return the point of the hyperplane <normal, .> = offset within the range that is nearest to z in this norm.

        If range and hyperplane do not meet, it is the corner of the range nearest to the hyperplane. The ball's own
        centre and radius play no part. Source: Croce & Hein 2020 (FAB), section 3.
        """
        flat, w = z.flatten(1), normal.flatten(1)
        need = (offset - (w * flat).sum(1))[:, None]
        scale = w.abs().amax(1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny)  # products with gains underflow
        sign = w.sign() * need.sign()
        if self.within is None:
            room = sign.abs() * torch.finfo(w.dtype).max
        else:
            low, high = self.within
            room = torch.maximum(sign * (high - flat), sign * (low - flat)).clamp_(min=0)
        move = self.cheapest_move(w.abs() / scale, room, need.abs() / scale)
        return clamped(self, (flat + sign * move).view_as(z))


def clamped(S: NormBall, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return z clamped to the range of valid inputs."""
    return z if S.within is None else z.clamp(*S.within)


def capped_multiple(
    shape: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return min(t * shape, room) for the t at which its product with `gain` is `need`; the room if no t is enough.

    The product is concave and piecewise linear in t, so Newton's steps from below stay below and end exactly there,
    after a handful of passes over memory. (Masks are floats: torch.where takes ten times as long as arithmetic.)
    """
    finite, most = torch.finfo(gain.dtype), torch.finfo(gain.dtype).max
    rate, full = gain * shape, gain * room.clamp(max=most)
    t = (need / rate.sum(1, keepdim=True).clamp(min=finite.tiny)).clamp(max=most)
    for _ in range(MOST_STEPS):
        used = t * rate
        left = need - torch.minimum(used, full).sum(1, keepdim=True)
        short = left > ROUNDINGS * finite.eps * need
        if not short.any():
            break
        slope = used.lt_(full).mul_(rate).sum(1, keepdim=True)
        ahead = torch.where(slope > 0, t + left / slope.clamp(min=finite.tiny), most).clamp(max=most)
        t = torch.where(short, ahead, t)
        if (t[short] == most).all():
            break
    return torch.minimum(t * shape, room)


MOST_STEPS = 64
"""A safeguard against rounding; a dozen steps are already many."""
ROUNDINGS = 4
"""The number of units in the last place by which a sum may fall short."""


def greedy(
    worth: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return the move that fills coordinates in decreasing order of worth until its product with `gain` is `need`.

    Sorts only the worthiest coordinates, and all of them only in rows where those do not suffice.
    """
    place = worth.topk(min(FIRST, worth.shape[1]), 1).indices
    move, enough = filled(place, gain, room, need)
    if place.shape[1] < worth.shape[1] and not enough.all():
        rest = ~enough
        place = worth[rest].argsort(1, descending=True)
        move[rest] = filled(place, gain[rest], room[rest], need[rest])[0]
    return move


FIRST = 64
"""The number of coordinates tried first: usually only a few need to be filled."""


def filled(
    place: Int[Tensor, "b k"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> tuple[Float[Tensor, "b n"], Bool[Tensor, "b"]]:
    """Return the move that fills coordinates in this order until the need is met, and a mask of the rows meeting it."""
    first = gain.gather(1, place)
    space = torch.where(first > 0, room.gather(1, place), 0)
    brought = first * space
    before = F.pad(brought.cumsum(1)[:, :-1], (1, 0))
    left = (need - before).clamp(min=0) / first.clamp(min=torch.finfo(gain.dtype).tiny)
    move = torch.zeros_like(gain).scatter(1, place, torch.minimum(left, space))
    return move, before[:, -1] + brought[:, -1] >= need[:, 0]


def require_ball(S: PerturbationSet, method: str, p: float | None = None, above: float = -inf) -> NormBall:
    """Return the set if it is a ball (in the l_p norm, or in a norm with an exponent greater than `above`).

    Raises:
        UnsupportedSetError: it is not such a ball; the message names the method and the set.
    """
    if not isinstance(S, NormBall) or (p is not None and S.p != p) or not S.p > above:
        wanted = "any norm" if above == -inf else f"norms above l_{above:g}"
        wanted = wanted if p is None else f"the l_{'inf' if p == inf else f'{p:g}'} norm"
        found = f"a ball with p = {S.p:g}" if isinstance(S, NormBall) else f"a {type(S).__name__}"
        raise UnsupportedSetError(f"{method} is defined for balls in {wanted}, but the perturbation set is {found}.")
    return S


def require_range(S: NormBall, method: str) -> tuple[float, float]:
    """Return the range of valid inputs.

    Raises:
        UnsupportedSetError: every number is valid; the message names the method.
    """
    if S.within is None:
        raise UnsupportedSetError(f"{method} needs a range of valid inputs to draw from: give the threat `within`.")
    return S.within


def require_norm(S: PerturbationSet, method: str) -> NormBall:
    """Return the set if it is a ball in a norm with a dual: any except l_0.

    Raises:
        UnsupportedSetError: it is not such a ball; the message names the method and the set.
    """
    ball = require_ball(S, method)
    if ball.p < 1:
        raise UnsupportedSetError(f"{method} needs a dual norm, but a ball with p = {ball.p:g} has none.")
    return ball
