"""Images whose pixels move."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.semantic_set import SemanticSet, differences
from hauberk.sets.box_set import BoxSet


@dataclass(frozen=True)
class FlowSet(SemanticSet):
    """The images whose pixels show what is up to `radius` away along each axis, interpolated between pixels.

    Lengths are shares of half a side: where the image is two units high and wide. What lies beyond an edge is the edge.

    Args:
        images: the inputs (b, channels, height, width).
        variables: flows (b, height, width, 2): for each pixel how far right and how far down of it to look.
        within: the range of valid inputs; None if every number is valid.
    """

    images: Float[Tensor, "b c h w"]
    variables: NormBall
    within: tuple[float, float] | None

    @cached_property
    def places(self) -> Float[Tensor, "h w 2"]:
        """The centres of the pixels."""
        kind = {"dtype": self.precision, "device": self.images.device}
        down, right = (torch.arange(side, **kind) for side in self.images.shape[2:])
        rows, columns = ((2 * at + 1) / len(at) - 1 for at in (down, right))
        return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2)

    @property
    def precision(self) -> torch.dtype:
        """The precision of places: half precision cannot tell the pixels of large images apart."""
        return torch.promote_types(self.images.dtype, torch.float32)

    @cached_property
    def rest(self) -> Float[Tensor, "b c h w"]:
        """The images that interpolation makes without any flow: the inputs, up to rounding."""
        return self.looked(torch.zeros_like(self.start))

    def looked(self, z: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b c h w"]:
        """Return what the pixels show when they look along a flow; numbers that are none count as no flow."""
        places = (self.places + z.to(self.precision).nan_to_num()).clamp(-3, 3)  # others make torch read anywhere
        images = self.images.to(self.precision)
        return F.grid_sample(images, places, padding_mode="border", align_corners=False).to(self.images.dtype)

    def decode(self, z: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b c h w"]:
        """Return the inputs plus what the flows change, so that no flow changes nothing."""
        low, high = self.within or (-inf, inf)
        return (self.images + (self.looked(z) - self.rest)).clamp(low, high)

    def roughness(self, z: Float[Tensor, "b h w 2"]) -> Float[Tensor, "b"]:
        """Return the sum, over pixels and their four neighbours, of how far flows differ: Xiao et al. 2018, eq. 4."""
        return differences(z)

    def cover(self) -> CertifiableSet:
        """Return the box of what each pixel can show: for images of one channel, the set itself.

        Between pixels values are products of two lines, so the extreme ones are at the ends of the flow or on pixels.
        """
        exact = FlowSet(self.images.double(), self.variables, None)
        sides = self.images.shape[:1:-1]
        reach = [self.radius.double() * side / 2 for side in sides]
        most = [min(ceil(float(r.detach().max())), side) for r, side in zip(reach, sides, strict=True)]
        lower, upper = exact.images, exact.images
        for right in range(-most[0], most[0] + 1):
            for down in range(-most[1], most[1] + 1):
                stops = [r.clamp(max=abs(n)) * (n > 0 or -1) for r, n in zip(reach, (right, down), strict=True)]
                flow = torch.stack([2 * stop / side for stop, side in zip(stops, sides, strict=True)], 1)
                seen = exact.looked(flow[:, None, None].expand(-1, *self.start.shape[1:]))
                lower, upper = torch.minimum(lower, seen), torch.maximum(upper, seen)
        low, high = self.within or (-inf, inf)
        unit = torch.finfo(self.images.dtype)
        slack = 8 * unit.eps * max(sides) * self.images.flatten(1).abs().amax(1).double() + unit.tiny
        slack = per_example(slack, lower)
        sides = ((lower - slack).clamp(low, high), (upper + slack).clamp(low, high))
        box = Box(*(side.to(self.images.dtype) for side in sides))
        return BoxSet.filling(self.images, box, self.within)
