"""Images whose JPEG coefficients move."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.semantic_set import SemanticSet
from hauberk.sets.box_set import BoxSet
from hauberk.sets.jpeg_transform import JPEGTransform, colour_blurred


@dataclass(frozen=True)
class JPEGSet(SemanticSet):
    """The images whose JPEG coefficients differ by up to half the `radius`, in steps of quantisation.

    Args:
        images: the inputs (b, channels, height, width), of one channel or three.
        variables: twice the changes of coefficients (b, coefficients), in the order of `JPEGTransform`.
        within: the range of valid inputs, from black to white.
        exact: whether the change is added to the inputs, not to what JPEG makes of them without any change.
    """

    images: Float[Tensor, "b c h w"]
    variables: NormBall
    within: tuple[float, float]
    exact: bool

    @cached_property
    def transform(self) -> JPEGTransform:
        """The map from coefficients to pixels."""
        return JPEGTransform.of(self.images)

    @cached_property
    def rest(self) -> Float[Tensor, "b c h w"]:
        """The images without any change of coefficients."""
        return self.images if self.exact else colour_blurred(self.images)

    @property
    def scale(self) -> float:
        """The change of pixels, in units of the input, for each level and unit of the variable."""
        low, high = self.within
        return (high - low) / 255 / 2

    def decode(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        """Return the images at rest plus what coefficients change, cut by the range."""
        return (self.rest + self.scale * self.transform(z)).clamp(*self.within)

    def cover(self) -> CertifiableSet:
        """Return the box of the values that each pixel can take.

        Each end is a member's value; all pixels at their ends need not be. The box starts from the images at rest, as
        the inputs may lie outside.
        """
        wide, variables = replace(self, images=self.images.double()), self.variables.bounding_box().to(torch.float64)
        center = wide.rest + self.scale * wide.transform(variables.center)
        reach = self.scale * wide.transform.absolute()(variables.radius)
        size = per_example(self.images.flatten(1).abs().amax(1).double(), center)
        reach = reach + torch.finfo(self.images.dtype).eps * (32 * size + 128 * reach)  # sums of 64 terms are rounded
        box = Box(*(side.clamp(*self.within).to(self.images.dtype) for side in (center - reach, center + reach)))
        return BoxSet.filling(self.decode(self.start), box, self.within)
