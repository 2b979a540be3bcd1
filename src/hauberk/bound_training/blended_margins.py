"""Margins from two bounds over the same boxes."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.concepts.box import Box
from hauberk.propagation.backward_pass import BackwardPass


def blended_margins(
    seen: BoundedPass, boxes: list[Box], linear: Callable[[], Float[Tensor, "b k"]], weight: float
) -> Float[Tensor, "b k"]:
    """Return weight * (linear bounds of the margins) + (1 - weight) * (interval bounds).

    If the weight is 0 or 1, only one of the two is computed.
    """
    if weight == 1:
        return linear()
    interval = BackwardPass(seen.graph, seen.S, boxes, None, outward=False).margins(seen.spec)
    return interval if weight == 0 else weight * linear() + (1 - weight) * interval
