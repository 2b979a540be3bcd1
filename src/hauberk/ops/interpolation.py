"""Upsampling and downsampling by interpolation: linear, bilinear, trilinear, bicubic, with antialiasing or not."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.concepts.rounding import rounding_factor

aten = torch.ops.aten


@dataclass(frozen=True)
class Interpolation(Affine):
    """Sums of neighbouring elements, weighted by distance, along each dimension in turn; its transpose is the vjp.

    Weights come from positions that torch rounds, relative to the size of the map: an absolute error of theirs counts
    towards the rounding errors of the sum. Scales that are powers of two have exact positions.

    Args:
        function: torch's function, on a batch.
        weights: for each dimension of the map, the absolute weights of its elements.
        count: the maximum number of elements summed into one.
        uses: the maximum number of sums that read an element.
        blur: the largest error of an element, in units of rounding and of the largest element of its map.
    """

    function: Callable[[Tensor], Tensor]
    weights: tuple[Float[Tensor, "_ _"], ...]
    count: int
    uses: int
    blur: int
    homogeneous = True

    @property
    def roundings(self) -> int:
        return self.count + 8 * len(self.weights)

    @property
    def roundings_back(self) -> int:
        return self.uses + 8 * len(self.weights)

    def __call__(self, z: Tensor) -> Tensor:
        return self.function(z)

    def linear(self, z: Tensor) -> Tensor:
        return self(z)

    def absolute(self, z: Tensor) -> Tensor:
        for dim, matrix in enumerate(self.weights, start=2):
            z = (z.movedim(dim, -1) @ matrix.to(z).T).movedim(-1, dim)
        return z

    def terms(self, z: Tensor) -> Tensor:
        return self.absolute(z) + self.largest(z) * (self.blur / self.roundings)

    def carried(
        self, errors: Sequence[Tensor], magnitudes: Sequence[Tensor], sizes: Sequence[Tensor]
    ) -> Float[Tensor, "b ..."]:
        share = rounding_factor(self.blur, magnitudes[0].dtype)
        return super().carried(errors, magnitudes, sizes) + share * self.largest(magnitudes[0])

    def largest(self, z: Tensor) -> Tensor:
        """Return the largest element of each map."""
        return z.amax(tuple(range(2, z.ndim)), keepdim=True)


def lower_interpolation(
    steepness: float,
    operator: Callable[..., Tensor],
    z: Value,
    sizes: Sequence[int] | None,
    aligned: bool | None = None,
    factors: Sequence[float] | None = None,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's interpolation."""
    options = () if aligned is None else (aligned,)

    def function(values: Tensor) -> Tensor:
        return operator(values, sizes, *options, factors)

    space = len(shape) - 1
    weights: list[Tensor] = []
    for axis in range(space):
        n, others = z.shape[axis + 1], [1 if a == axis else TWIN for a in range(space)]
        units = torch.eye(n, dtype=torch.float64, device="cpu").view(
            n, 1, *(n if a == axis else 1 for a in range(space))
        )
        single = [one if a == axis else TWIN for a, one in enumerate(sizes)] if sizes else None
        scaled = [one if a == axis else 1.0 for a, one in enumerate(factors)] if factors else None
        found = operator(units.repeat(1, 1, *others), single, *options, scaled).movedim(axis + 2, -1)
        weights.append(found.flatten(1, -2)[:, 0].T.abs().contiguous())
    scales = [n / m for n, m in zip(z.shape[1:], shape[1:], strict=True)] + [1 / factor for factor in factors or ()]
    exact = not aligned and steepness == LINEAR and all(math.frexp(scale)[0] == 0.5 for scale in scales)
    blur = 0 if exact else math.ceil(6 * steepness * sum(z.shape[1:]))
    count, uses = (math.prod(int((matrix != 0).sum(dim).max()) for matrix in weights) for dim in (1, 0))
    stored = tuple(Stored(matrix, tuple(matrix.shape)) for matrix in weights)
    return Lowered(lambda *matrices: Interpolation(function, matrices, count, uses, blur), (z,), stored)


TWIN = 2
"""A size of the other dimensions while one is probed: at 1, torch's antialiasing mistakes one for another."""
LINEAR, CUBIC = 2.0, 4.2
"""The largest sums of the absolute slopes of weights in the position. An error of a position is three roundings of the
size of the map at most, once in the network and once in its bound."""
OPERATORS = {
    aten.upsample_linear1d.vec: LINEAR,
    aten.upsample_bilinear2d.vec: LINEAR,
    aten._upsample_bilinear2d_aa.vec: LINEAR,
    aten.upsample_trilinear3d.vec: LINEAR,
    aten.upsample_bicubic2d.vec: CUBIC,
    aten._upsample_bicubic2d_aa.vec: CUBIC,
}


def resized(x: Tensor) -> Tensor:
    """Return interpolations of a case for laws."""
    lines, volumes = x.flatten(2), x.unsqueeze(1)
    found = [
        F.interpolate(lines, size=17, mode="linear"),
        F.interpolate(volumes, scale_factor=(0.5, 2, 1.5), mode="trilinear"),
        F.interpolate(x, scale_factor=2, mode="bilinear"),
        F.interpolate(x, size=(3, 9), mode="bilinear", align_corners=True),
        F.interpolate(x, size=(3, 2), mode="bilinear", antialias=True),
        F.interpolate(x, size=(7, 4), mode="bicubic"),
        F.interpolate(x, size=(3, 8), mode="bicubic", antialias=True),
    ]
    return torch.cat([one.flatten(1) for one in found], 1)


for operator, steepness in OPERATORS.items():
    lowers(operator, case=resized)(partial(lower_interpolation, steepness, operator))
