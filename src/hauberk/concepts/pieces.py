"""Piecewise linear functions of one number."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box


@dataclass(frozen=True)
class Pieces:
    """The pieces of a continuous piecewise linear function, up to a constant.

    Args:
        knots: the points at which the slope changes, in increasing order.
        slopes: the slopes before, between and after the knots: one more than there are knots.
    """

    knots: tuple[float, ...]
    slopes: tuple[float, ...]

    def edges(self, box: Box) -> Float[Tensor, "edges b *z"]:
        """Return the ends of the pieces inside a box: its lower end, the knots clamped to it, its upper end."""
        inner = [torch.full_like(box.lower, knot).clamp(box.lower, box.upper) for knot in self.knots]
        return torch.stack([box.lower, *inner, box.upper])
