"""Balls in a norm: what is defined by distances asks for one of these."""

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
    """A ball in an l_p norm around the input, perhaps cut by the range of valid inputs; p = 0 counts coordinates."""

    p: float
    within: tuple[float, float] | None
    """The range of valid inputs; None where every number is one."""

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "NormBall":
        """Return the balls of some of the examples."""

    @abstractmethod
    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the l_p distance of z from the unperturbed point."""

    @abstractmethod
    def resized(self, radius: Float[Tensor, "b"]) -> "NormBall":
        """Return the balls of other radii around the same points."""

    def uncut(self) -> "NormBall":
        """Return the balls without the range of valid inputs.

        Raises:
            UnsupportedSetError: the range is a part of what the ball is, as in l_0.
        """
        return replace(self, within=None).resized(self.radius)  # pyright: ignore[reportArgumentType]

    @abstractmethod
    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the v of norm 1 with the largest <w, v>, which is w's dual norm; 0 where w is 0."""

    @abstractmethod
    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        """Return the least move m with 0 <= m <= room and <gain, m> = need; all the room where that is too little.

        `gain` and `need` are not negative; room may be infinite.
        """

    def meet(
        self, z: Float[Tensor, "b *z"], normal: Float[Tensor, "b *z"], offset: Float[Tensor, "b"]
    ) -> Float[Tensor, "b *z"]:
        """Return the point of the hyperplane <normal, .> = offset within the range that is nearest to z in this norm.

        Where range and hyperplane do not meet, it is the corner of the range that is nearest to the hyperplane. The
        ball's own centre and radius play no part. Source: Croce & Hein 2020 (FAB), section 3.
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
    """Return the nearest valid inputs."""
    return z if S.within is None else z.clamp(*S.within)


def capped_multiple(
    shape: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return min(t * shape, room) for the t at which its product with `gain` is `need`; the room where none is enough.

    The product is concave and piecewise linear in t, so that Newton's steps from below stay below and end exactly
    there, after a handful of walks over memory. (Masks are floats: torch.where takes ten times an arithmetic walk.)
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
"""A bound for rounding's sake; a dozen steps are many."""
ROUNDINGS = 4
"""How many units in the last place a sum may lack."""


def greedy(
    worth: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return the move that fills coordinates in the order of their worth until its product with `gain` is `need`.

    Sorts but the worthiest, and all only in rows where those do not suffice.
    """
    place = worth.topk(min(FIRST, worth.shape[1]), 1).indices
    move, enough = filled(place, gain, room, need)
    if place.shape[1] < worth.shape[1] and not enough.all():
        rest = ~enough
        place = worth[rest].argsort(1, descending=True)
        move[rest] = filled(place, gain[rest], room[rest], need[rest])[0]
    return move


FIRST = 64
"""How many coordinates are tried first: few are filled where each is worth its price."""


def filled(
    place: Int[Tensor, "b k"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> tuple[Float[Tensor, "b n"], Bool[Tensor, "b"]]:
    """Return the move that fills coordinates in this order until the need is met, and where it is."""
    first = gain.gather(1, place)
    space = torch.where(first > 0, room.gather(1, place), 0)
    brought = first * space
    before = F.pad(brought.cumsum(1)[:, :-1], (1, 0))
    left = (need - before).clamp(min=0) / first.clamp(min=torch.finfo(gain.dtype).tiny)
    move = torch.zeros_like(gain).scatter(1, place, torch.minimum(left, space))
    return move, before[:, -1] + brought[:, -1] >= need[:, 0]


def require_ball(S: PerturbationSet, method: str, p: float | None = None, above: float = -inf) -> NormBall:
    """Return the set, known to be a ball (in the l_p norm, or in one with an exponent `above` some number).

    Raises:
        UnsupportedSetError: it is not; the message names the method and the set.
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
    """Return the set, known to be a ball in a norm that has a dual one: any but l_0.

    Raises:
        UnsupportedSetError: it is not; the message names the method and the set.
    """
    ball = require_ball(S, method)
    if ball.p < 1:
        raise UnsupportedSetError(f"{method} needs a dual norm, but a ball with p = {ball.p:g} has none.")
    return ball
