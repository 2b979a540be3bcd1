"""Max pooling in one, two and three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.op import Relaxable
from hauberk.errors import UnsupportedOpError
from hauberk.functions.window_relaxation import WindowRelaxation

aten = torch.ops.aten
FUNCTIONS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


@dataclass(frozen=True)
class MaxPooling(Relaxable):
    """The largest input of each window; padding counts as minus infinity.

    Upper line: let u_i be the window's largest upper bound, u the largest of the others, v = max(u, l_i). Then
    max(z) <= max(z_i, v), which is convex in z_i, so its chord over [l_i, u_i] lies above; it touches at both ends, and
    is z_i if z_i is certainly the largest. Lower line: the z_i of largest centre loses the least volume; with L the
    largest lower bound, c * z_i + (1 - c) * L is also one for every `choice` c in [0, 1]; None is choice 1.

    Args:
        kernel, stride, padding, dilation, ceil_mode: as in torch, one size per dimension.
        windows: the positions in the input's map that each window reads, -1 for padding.
        covering: the maximum number of windows that contain an input.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool
    windows: Int[Tensor, "o k"]
    covering: int

    @property
    def space(self) -> int:
        """The number of dimensions of the map."""
        return len(self.kernel)

    @property
    def additions(self) -> int:
        return 2 * self.covering

    def lipschitz(self) -> float:
        return 1.0

    def __call__(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b ..."]:
        return self.largest(z)[0]

    def largest(self, z: Float[Tensor, "b *z"]) -> tuple[Float[Tensor, "b *out"], Int[Tensor, "b *out"]]:
        """Return the largest input of each window, and its position in its channel's map."""
        geometry = (self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode)
        return FUNCTIONS[self.space](z, *geometry, return_indices=True)

    def interval(self, box: Box) -> Box:
        return Box(self(box.lower), self(box.upper))

    def relax(self, box: Box, choice: Float[Tensor, "b *out"] | None = None) -> WindowRelaxation:
        index = self.largest(box.center)[1]
        slope = torch.ones_like(index, dtype=box.lower.dtype) if choice is None else choice
        upper_index, upper_slope, upper_intercept = self.upper_line(box)
        return WindowRelaxation(
            lower_slope=slope,
            upper_slope=upper_slope,
            upper_intercept=upper_intercept,
            lower_intercept=(1 - slope) * self(box.lower),
            lower_index=index,
            upper_index=upper_index,
            shape=tuple(box.lower.shape[1:]),
            space=self.space,
        )

    def relax_parallel(self, box: Box) -> WindowRelaxation:
        """Return the closest parallel lines: the upper one, and (v - l_i) / (u_i - l_i) * (u_i - L) below it."""
        index, slope, intercept = self.upper_line(box)
        return WindowRelaxation(
            lower_slope=slope,
            upper_slope=slope,
            upper_intercept=intercept,
            lower_intercept=(1 - slope) * self(box.lower),
            lower_index=index,
            upper_index=index,
            shape=tuple(box.lower.shape[1:]),
            space=self.space,
        )

    def upper_line(self, box: Box) -> tuple[Int[Tensor, "b *out"], Float[Tensor, "b *out"], Float[Tensor, "b *out"]]:
        """Return the index, slope and intercept of the upper line."""
        largest, index = self.largest(box.upper)
        flat = index.flatten(-self.space)
        low = box.lower.flatten(-self.space).gather(-1, flat).view(index.shape)
        windows = self.windows.to(index.device)
        others = box.upper.flatten(-self.space)[..., windows.clamp(min=0)]
        others = others.masked_fill((windows < 0) | (windows == flat[..., None]), -torch.inf)
        end = torch.maximum(others.amax(-1).view(index.shape), low)
        wide = largest > low
        slope = torch.where(wide, (largest - end) / torch.where(wide, largest - low, 1), 1)
        return index, slope, end - slope * low


def lower_max_pooling(
    space: int,
    z: Value,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's max pooling."""
    sizes = [tuple(s) * (space // len(s)) for s in (kernel, stride or kernel, padding, dilation)]
    windows = window_positions(z.shape[-space:], shape[-space:], *sizes)
    if (windows < 0).all(1).any():
        raise UnsupportedOpError("one of its windows lies in the padding entirely, where the maximum is infinite")
    covering = int(windows[windows >= 0].bincount().max())
    return Lowered(partial(MaxPooling, *sizes, ceil_mode, windows, covering), (z,))


for space, operator in enumerate((aten.max_pool1d.default, aten.max_pool2d.default, aten.max_pool3d.default), 1):
    lowers(operator)(partial(lower_max_pooling, space))


def window_positions(
    inputs: Sequence[int],
    outputs: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Int[Tensor, "o k"]:
    """Return the positions that each window reads of a map of size `inputs`, -1 outside of it."""
    position, outside = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, dtype=torch.bool)
    for n, m, k, s, p, d in zip(inputs, outputs, kernel, stride, padding, dilation, strict=True):
        along = torch.arange(m)[:, None] * s + torch.arange(k) * d - p
        position = (position[:, None, :, None] * n + along[:, None]).flatten(2).flatten(0, 1)
        outside = (outside[:, None, :, None] | ((along < 0) | (along >= n))[:, None]).flatten(2).flatten(0, 1)
    return position.masked_fill(outside, -1)
