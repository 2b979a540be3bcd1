"""The l_inf ball on some of the pixels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import inf

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import named, per_example, radii, radius, require_within, rounded
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import NonNegative, Span
from hauberk.sets.box_set import BoxSet


@dataclass(frozen=True)
class MaskedSet(BoxSet):
    """The points that differ from `start` by up to `radius`, in the pixels of a mask, and lie in the range: a box.

    Args:
        start: the unperturbed points.
        radius: the radii.
        box: the boxes, as `around` computes them.
        within: the range of valid inputs; None if every number is valid.
        free: a mask of the pixels that may move.
    """

    free: Bool[Tensor, "b *z"]
    symmetric = True

    @classmethod
    def around(
        cls,
        start: Float[Tensor, "b *z"],
        radius: Float[Tensor, "b"],
        free: Bool[Tensor, "b *z"],
        within: tuple[float, float] | None,
    ) -> "MaskedSet":
        """Return the set with these centres, radii and masks, cut by the range."""
        low, high = within or (-inf, inf)
        reach = torch.where(free, per_example(radius, start), 0)
        return cls(start, radius, Box((start - reach).clamp_(min=low), (start + reach).clamp_(max=high)), within, free)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "MaskedSet":
        box = Box(self.box.lower[index], self.box.upper[index])
        return MaskedSet(self.start[index], self.radius[index], box, self.within, self.free[index])

    def to(self, dtype: torch.dtype) -> "MaskedSet":
        """Return the set in another precision; a wider one computes the box anew, with less rounding."""
        return self.around(self.start.to(dtype), self.radius.to(dtype), self.free, self.within)


@dataclass(frozen=True)
class MaskedLinfBall(ThreatModel):
    """The threat that the pixels of a mask move by up to eps, within the range of valid inputs; all others stay.

    A mask of pixels (height, width) holds for all their colours. With eps 1 and inputs in [0, 1], the masked pixels may
    take any values: a patch, or a frame. An example of which no pixel may move has a set of radius 0.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per example.
        mask: true, or not zero, where pixels may move: in a shape that broadcasts to that of an example, for all of
            them; or in one that broadcasts to that of the batch, with as many dimensions, for one mask per example.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number, or the mask is not finite.
        ShapeError: the mask is not a tensor.

    Example:
        >>> import torch
        >>> from hauberk.threats import MaskedLinfBall
        >>> S = MaskedLinfBall("1/8", torch.tensor([True, False])).at(torch.tensor([[0.25, 0.25]]))
        >>> S.project(torch.tensor([[1.0, 1.0]]))
        tensor([[0.3750, 0.2500]])
    """

    eps: NonNegative | str | Float[Tensor, "b"]
    mask: Shaped[Tensor, "*m"]
    within: Span | None = (0.0, 1.0)

    @staticmethod
    def cases() -> Cases:
        frame = torch.ones(1, 4, 4, dtype=torch.bool)
        frame[:, 1:3, 1:3] = False
        return {"eps": [0.1, 0.0], "mask": [frame, torch.tensor([0.0, 0.5, -1.0, 0.0])]}

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", radius(self.eps))
        if not isinstance(self.mask, Tensor):
            raise ShapeError(f"a mask must be a tensor, but is {self.mask!r}: pass torch.as_tensor(mask).")
        if not self.mask.isfinite().all():
            bad = self.mask[~self.mask.isfinite()]
            raise InputError(
                f"a mask must be finite, but {len(bad)} of its {self.mask.numel()} values are not: {bad[0].item()}, "
                "say. Give true or false."
            )
        object.__setattr__(self, "mask", self.mask != 0)

    @property
    def name(self) -> str:
        """The norm, the share of the mask's elements that are true, and the radius."""
        return f"linf on {self.mask.double().mean().item():.3g} of the pixels, eps {named(self.eps)}"

    def free(self, x: Float[Tensor, "b *x"]) -> Bool[Tensor, "b *x"]:
        """Return a mask of the pixels of these inputs that may move.

        Raises:
            ShapeError: the mask does not fit the inputs.
        """
        mask, shape = self.mask.to(x.device), tuple(x.shape)
        room = shape[-mask.ndim :] if mask.ndim else ()
        if mask.ndim > x.ndim or any(size not in (1, whole) for size, whole in zip(mask.shape, room, strict=True)):
            raise ShapeError(
                f"a mask must broadcast to an example's shape {shape[1:]}, or with one mask per example to "
                f"{shape}, but has shape {tuple(mask.shape)}."
            )
        return mask.expand(shape)

    def at(self, x: Float[Tensor, "b *x"]) -> BoxSet:
        """Return the set around each input.

        Raises:
            ShapeError: the mask or the radii do not fit x, or x is not a batch of floating-point inputs.
            InputError: x contains NaN or values outside the range of valid inputs.
        """
        low, high = self.within or (-inf, inf)
        x, free = require_within(x, low, high), self.free(x)
        size = radii(self.eps, x)  # pyright: ignore[reportArgumentType]  # a string was parsed
        size = torch.where(free.flatten(1).any(1), size, 0)
        return MaskedSet.around(x, size, free, rounded(self.within, x.dtype))

    def shared(self, shape: Sequence[int]) -> Collection[str]:
        return () if self.mask.ndim == len(shape) else ("mask",)

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "MaskedLinfBall":
        return replace(self, eps=self.eps * factor)  # pyright: ignore[reportOperatorIssue]
