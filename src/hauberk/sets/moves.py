"""The shortest moves that gain a given amount, in several norms."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.kernels.host import on_host
from hauberk.kernels.levels import filled as filled_level


def capped_multiple(
    shape: Float[Tensor, "b n"], gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
) -> Float[Tensor, "b n"]:
    """Return min(t * shape, room) for the t at which its product with `gain` is `need`; the room if no t is enough.

    The product is concave and piecewise linear in t, so Newton's steps from below stay below and end exactly there,
    after a handful of passes over memory. (Masks are floats: torch.where takes ten times as long as arithmetic.)
    """
    finite, most = torch.finfo(gain.dtype), torch.finfo(gain.dtype).max
    rate, full = gain * shape, gain * room.clamp(max=most)
    if not on_host(gain):  # Newton's steps would make the processor wait
        return torch.minimum(filled_level(rate, full, need).clamp(max=most).to(gain.dtype) * shape, room)
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

    On a CPU, it sorts only the worthiest coordinates, and all of them only in rows where those do not suffice.
    """
    few = FIRST if on_host(worth) else worth.shape[1]  # elsewhere the processor would wait for the answer
    place = worth.topk(min(few, worth.shape[1]), 1).indices
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
