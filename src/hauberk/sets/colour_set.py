"""Images whose colours change."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.semantic_set import SemanticSet, differences
from hauberk.sets.box_set import BoxSet
from hauberk.sets.colour_space import rgb_range, to_luv, to_rgb

SLICES = 4
"""The number of parts that proofs cut the range of lightness into; more parts, tighter boxes."""


@dataclass(frozen=True)
class ColourSet(SemanticSet):
    """The images whose colours a function moves by up to `radius` in rescaled L*u*v*: one colour stays one colour.

    The function is given on a grid and interpolated between; what lies beyond an edge of the grid moves like the edge.

    Args:
        images: the inputs (b, channels, height, width), of three channels, or of one: grey.
        variables: displacements of the colours on a grid, (b, lightnesses, us, vs, 3) or (b, lightnesses, 1).
        within: the range of valid inputs.
        exact: whether a displacement of zero changes nothing. The published form, for three channels, cuts the grid to
            what a screen can show and replaces each colour by what the grid says: not the input, even at rest.
    """

    images: Float[Tensor, "b c h w"]
    variables: NormBall
    within: tuple[float, float]
    exact: bool = True

    @property
    def nested(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.exact  # colours that no screen shows are cut as far as the radius lets them

    @cached_property
    def luv(self) -> Float64[Tensor, "b h w c"]:
        """The colours of the pixels before they move, in rescaled L*u*v*."""
        low, high = self.within
        luv = to_luv(((self.images.double() - low) / (high - low)).clamp(0, 1).movedim(1, -1))
        return luv if self.exact else luv.clamp(0, 1)

    @cached_property
    def colours(self) -> Float[Tensor, "b h w c"]:
        """The colours in the precision of the images, or in single precision: black is nothing in half precision."""
        return self.luv.to(torch.promote_types(self.images.dtype, torch.float32))

    @cached_property
    def places(self) -> Float[Tensor, "b 1 h w 3"]:
        """The places of colours on the grid, from -1 to 1 along its last axis, the one before and the first."""
        places = 2 * self.colours.flip(-1) - 1
        return F.pad(places, (3 - places.shape[-1], 0))[:, None]

    @cached_property
    def grid(self) -> Float[Tensor, "*z"]:
        """The colours on the grid."""
        sides = (torch.linspace(0, 1, n, dtype=self.start.dtype, device=self.start.device) for n in self.sides)
        return torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)

    @property
    def sides(self) -> tuple[int, ...]:
        """The numbers of colours along the grid's axes."""
        return tuple(self.start.shape[1:-1])

    @cached_property
    def rest(self) -> Float[Tensor, "b c h w"]:
        """The inputs without any displacement, as shares of the range: up to rounding."""
        return self.recoloured(torch.zeros_like(self.start))

    def recoloured(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b c h w"]:
        """Return displaced colours as shares of the range, outside [0, 1] where a screen cannot show them."""
        grid = z.movedim(-1, 1)
        grid = grid.reshape(*grid.shape, *(1,) * (5 - grid.ndim))
        grid = grid.to(self.places.dtype)
        moves = F.grid_sample(grid, self.places, padding_mode="border", align_corners=True)[:, :, 0].movedim(1, -1)
        return to_rgb(self.colours + moves).movedim(-1, 1).to(z.dtype)

    def shown(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return displacements like z that lead to colours a screen can show, as far as the radius lets them.

        Gradients pass as if nothing were cut, as where an optimiser's variables are cut after each step.
        """
        with torch.no_grad():
            cut = to_luv(to_rgb((self.grid + z).clamp(0, 1)).clamp(0, 1)) - self.grid
        return z + (self.project(cut) - z).detach()

    def decode(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b c h w"]:
        """Return the inputs plus what displacements change, so that none changes nothing; or the published form."""
        low, high = self.within
        if not self.exact:
            return (low + (high - low) * self.recoloured(self.shown(z))).clamp(low, high)
        return (self.images + (high - low) * (self.recoloured(z) - self.rest)).clamp(low, high)

    def roughness(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the sum, over the grid and its six neighbours (grey: two), of how far displacements differ."""
        return differences(z)

    def cover(self) -> CertifiableSet:
        """Return the box of what each pixel can become: exact for grey but for rounding, by intervals for colours."""
        (low, high), middle = self.within, self.luv
        unit = 2 * torch.finfo(self.images.dtype).eps  # twice: what is computed here is rounded, too
        reach = per_example(self.radius.double(), middle) * (1 + 8 * unit)
        blur = unit * (1 + middle.abs() + reach)
        ends = middle - reach - blur, middle + reach + blur
        cuts = [torch.lerp(ends[0][..., :1], ends[1][..., :1], part / SLICES) for part in range(SLICES + 1)]
        cuts[-1] = ends[1][..., :1]
        least, most = (end[..., 1:] for end in ends)
        parts = [
            rgb_range(torch.cat([dark, least], -1), torch.cat([bright, most], -1), unit)
            for dark, bright in pairwise(cuts)
        ]
        lower, upper = (torch.stack(side) for side in zip(*parts, strict=True))
        lower, upper, origin = lower.amin(0), upper.amax(0), low
        if self.exact:
            least, most = rgb_range(middle - blur, middle + blur, unit)  # what `rest` is rounded to
            lower, upper, origin = lower - most, upper - least, self.images.double().movedim(1, -1)
        slack = 2 * unit * (max(abs(low), abs(high)) + (high - low) * (2 + torch.maximum(lower.abs(), upper.abs())))
        sides = (origin + (high - low) * lower - slack, origin + (high - low) * upper + slack)
        box = Box(*(side.clamp(low, high).movedim(-1, 1).to(self.images.dtype) for side in sides))
        return BoxSet.filling(self.decode(torch.zeros_like(self.start)), box, self.within)
