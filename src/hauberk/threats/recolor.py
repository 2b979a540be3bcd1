"""Changes of colours."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import Count, NonNegative
from hauberk.sampling.requirements import require_counts
from hauberk.sets.ball_threat import BallThreat, require_finite
from hauberk.sets.colour_set import ColourSet
from hauberk.sets.linf_set import LinfSet

RESOLUTION = (16, 32, 32)


@dataclass(frozen=True)
class Recolor(BallThreat):
    """The threat that a function of colours moves each by up to eps in lightness and both chromatic coordinates.

    All pixels of a colour get the same new colour. `attacks.Adam` can charge for functions that are rough. Images have
    three channels: sRGB; or one, of which the function changes the lightness. Proofs are over the box of what each
    pixel can become.

    Args:
        eps: the radius in CIE L*u*v*, rescaled to [0, 1]: 0.06 is 6 of 100 units of L, 12 of 200 of u and v.
        within: the range of valid inputs, black to white.
        resolution: the numbers of lightnesses, us and vs on the grid that functions are given on.
        exact: whether a displacement of zero leaves the input exactly as it is. The published form does not: it cuts
            the grid to what a screen can show, which alone changes colours.

    Raises:
        InputError: eps is negative, not finite or not a number; no range is given; the grid has a side below 2.

    Example:
        >>> import torch
        >>> from hauberk.threats import Recolor
        >>> S = Recolor(0.1).at(torch.tensor([[[[0.0, 0.5, 0.5, 1.0]]]]))
        >>> S.decode(S.start + 0.1)  # greys become lighter, by 10 units of L
        tensor([[[[0.1077, 0.6017, 0.6017, 1.0000]]]])

    Source: Laidlaw & Feizi 2019 (ReColorAdv); the bound and its value: Laidlaw, Singla & Feizi 2021.
    """

    eps: NonNegative | str | Float[Tensor, "b"] = 0.06
    resolution: tuple[Count, Count, Count] = RESOLUTION
    exact: bool = True
    norm = "recolor"

    @staticmethod
    def cases() -> Cases:
        return {"exact": [True]}

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self.within, "colours need to know black and white")
        resolution = self.resolution
        if not isinstance(resolution, tuple | list) or len(resolution) != 3:
            raise InputError(f"a grid of colours has three sides, lightnesses, us and vs, but is {resolution!r}.")
        require_counts(**dict(zip(("the grid's lightnesses", "its us", "its vs"), resolution, strict=True)))
        if min(resolution) < 2:
            raise InputError(f"a grid of colours has at least 2 along each axis, but resolution is {resolution}.")

    @property
    def name(self) -> str:
        grid = "" if self.resolution == RESOLUTION else f", grid {' x '.join(map(str, self.resolution))}"
        return f"{super().name}{grid}{'' if self.exact else ', as published'}"

    def at(self, x: Float[Tensor, "b *x"]) -> ColourSet:
        """Return the set around each input.

        Raises:
            ShapeError, InputError: as for other threats; also if inputs are not images (b, channels, height, width) of
                three channels or, in the exact form, of one.
        """
        x, radius, within = self.centers(x)
        channels = x.shape[1] if x.ndim == 4 else 0
        if channels != 3 and not (channels == 1 and self.exact):
            grey = " or, with exact=True, 1" if not self.exact else " or 1"
            raise ShapeError(
                f"colours need images (b, c, height, width) of c = 3{grey}, but inputs are {tuple(x.shape)}."
            )
        sides = self.resolution if channels == 3 else self.resolution[:1]
        still = x.new_zeros(len(x), *sides, channels)
        return ColourSet(x, LinfSet.around(still, radius, None), within, self.exact)  # pyright: ignore
