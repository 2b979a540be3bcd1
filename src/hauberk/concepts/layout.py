"""In which order the numbers of maps lie in memory: channel by channel, or all channels of a pixel together.

Convolutions are fastest with the second ("channels last"), and their results have it; what is multiplied element by
element should agree, or memory is walked in leaps.
"""

from jaxtyping import Float
from torch import Tensor


def channels_last(t: Tensor, batch: int = 1) -> bool:
    """Return whether there are maps (c, h, w) behind the batch dimensions, which lie in memory as (h, w, c)."""
    return t.ndim == batch + 3 and not t.is_contiguous() and t.movedim(-3, -1).is_contiguous()


def in_order(t: Tensor, last: bool, batch: int = 1) -> Float[Tensor, "*batch n"]:
    """Return what lies behind the batch dimensions as one dimension, channels last or first."""
    return (t.movedim(-3, -1) if last else t).flatten(batch)


def from_order(t: Float[Tensor, "*batch n"], shape: tuple[int, ...], last: bool) -> Tensor:
    """Undo `in_order`; `shape` is that of the value, without batch dimensions."""
    if not last:
        return t.unflatten(-1, shape)
    return t.unflatten(-1, (*shape[1:], shape[0])).movedim(-1, -3)
