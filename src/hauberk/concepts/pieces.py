"""Piecewise linear functions of one number."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box


@dataclass(frozen=True)
class Pieces:
    """Where the slope of a continuous function changes, in increasing order, and the slopes between those knots."""

    knots: tuple[float, ...]
    slopes: tuple[float, ...]
    """One more than there are knots."""

    def edges(self, box: Box) -> Float[Tensor, "edges b *z"]:
        """Return the ends of the pieces inside a box: its lower end, the knots clamped to it, its upper end."""
        inner = [torch.full_like(box.lower, knot).clamp(box.lower, box.upper) for knot in self.knots]
        return torch.stack([box.lower, *inner, box.upper])
