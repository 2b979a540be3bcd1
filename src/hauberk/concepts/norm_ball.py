"""Balls in a norm: what is defined by distances asks for one of these."""

from abc import abstractmethod
from math import inf

import torch
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
        low, high = self.within or (-inf, inf)
        flat, w = z.flatten(1), normal.flatten(1)
        need = (offset - (w * flat).sum(1))[:, None]
        up = (w > 0) == (need > 0)
        room = torch.where(up, high - flat, flat - low).clamp_(min=0)
        room = torch.where(w == 0, 0, room)  # also keeps 0 * inf out
        move = self.cheapest_move(w.abs(), room, need.abs())
        return (flat + torch.where(up, move, -move)).clamp_(low, high).view_as(z)


def capped_multiple(
    shape: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return min(t * shape, room) for the t at which its product with `gain` is `need`; the room where none is enough.

    The product is concave and piecewise linear in t, so that Newton's steps from below stay below and end exactly
    there, after a handful of walks over memory.
    """
    tiny = torch.finfo(gain.dtype).tiny
    rate = gain * shape
    full = gain * torch.where(gain > 0, room, 0)
    t = need / rate.sum(1, keepdim=True).clamp_(min=tiny)
    for _ in range(MOST_STEPS):
        capped = t * shape >= room
        left = need - torch.where(capped, full, 0).sum(1, keepdim=True)
        slope = torch.where(capped, 0, rate).sum(1, keepdim=True)
        ahead = torch.where(slope > 0, torch.maximum(t, left / slope.clamp(min=tiny)), inf)
        ahead = torch.where(left > 0, ahead, t)
        if torch.equal(ahead, t):
            break
        t = ahead
    return torch.where(t.isinf(), room, torch.minimum(t * shape, room))


MOST_STEPS = 64
"""A bound for rounding's sake; a dozen steps are many."""


def require_ball(S: PerturbationSet, method: str, p: float | None = None) -> NormBall:
    """Return the set, known to be a ball (in the l_p norm).

    Raises:
        UnsupportedSetError: it is not; the message names the method and the set.
    """
    if not isinstance(S, NormBall) or (p is not None and S.p != p):
        norm = "any norm" if p is None else f"the l_{'inf' if p == inf else f'{p:g}'} norm"
        found = f"a ball with p = {S.p:g}" if isinstance(S, NormBall) else f"a {type(S).__name__}"
        raise UnsupportedSetError(f"{method} is defined for balls in {norm}, but the perturbation set is {found}.")
    return S


def require_norm(S: PerturbationSet, method: str) -> NormBall:
    """Return the set, known to be a ball in a norm that has a dual one: any but l_0.

    Raises:
        UnsupportedSetError: it is not; the message names the method and the set.
    """
    ball = require_ball(S, method)
    if ball.p < 1:
        raise UnsupportedSetError(f"{method} needs a dual norm, but a ball with p = {ball.p:g} has none.")
    return ball
