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
from hauberk.kernels.relu_lines import relu_lines


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
        slope, intercept, below = relu_lines(box.lower, box.upper)
        below = below if choice is None else torch.where(box.unstable, choice, slope)
        return Relaxation(below, slope, intercept)

    def relax_parallel(self, box: Box) -> Relaxation:
        slope, intercept, _ = relu_lines(box.lower, box.upper)
        return Relaxation(slope, slope, intercept)


@lowers(torch.ops.aten.relu.default)
def lower_relu(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's ReLU."""
    return Lowered(ReLU, (z,))
