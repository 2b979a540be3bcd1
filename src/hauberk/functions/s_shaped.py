"""S-shaped functions: convex below zero, concave above."""

import math
from abc import abstractmethod
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from hauberk.functions.smooth import Piece, Smooth
from hauberk.functions.tangents import Tangents


class SShaped(Smooth):
    """An increasing function that is odd up to a constant; its slope is even and greatest at zero."""

    stop: float = 1000.0
    """The point beyond which no tangent is looked for: a line through any point left of zero touches before it."""

    @abstractmethod
    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the point z >= 0 at which the function has this slope; 0 if the slope is too steep."""

    @cached_property
    def curves(self) -> tuple[Piece, ...]:
        tangents = Tangents(self, 0.0, self.stop, -1)
        return (
            Piece(-math.inf, 0.0, 1, lambda s: -self.touching(s), from_right=lambda z: -tangents(-z)),
            Piece(0.0, math.inf, -1, self.touching, from_left=tangents),
        )
