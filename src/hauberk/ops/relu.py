"""The rectified linear unit."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.op import Elementwise
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation


class ReLU(Elementwise):
    """max(z, 0). Upper line: the chord of the triangle. Lower line: through the origin with slope `choice`."""

    pieces = Pieces(knots=(0.0,), slopes=(0.0, 1.0))
    tight = True

    def lipschitz(self) -> float:
        return 1.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.relu(z)

    def interval(self, box: Box) -> Box:
        return Box.positive(F.relu(box.lower), F.relu(box.upper))

    def loose(self, box: Box) -> Bool[Tensor, "b *z"]:
        return box.unstable

    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        slope, intercept = chord(box)
        lower = (box.upper > -box.lower).to(slope) if choice is None else choice
        return Relaxation(torch.where(box.unstable, lower, slope), slope, intercept)

    def relax_parallel(self, box: Box) -> Relaxation:
        slope, intercept = chord(box)
        return Relaxation(slope, slope, intercept)


def chord(box: Box) -> tuple[Tensor, Tensor]:
    """Return slope and intercept of the line through (lower, relu(lower)) and (upper, relu(upper)).

    Stable neurons get their own line: slope 0 or 1, intercept 0.
    """
    low, high = box.lower.clamp(max=0), box.upper.clamp(min=0)
    slope = high / torch.where(high > low, high - low, 1)
    return slope, -low * slope


@lowers(torch.ops.aten.relu.default)
def lower_relu(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's ReLU."""
    return Lowered(ReLU, (z,))
