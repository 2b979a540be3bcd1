"""Changes of JPEG coefficients."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.errors import ShapeError
from hauberk.ranges import NonNegative, Span
from hauberk.sets.ball_threat import BallThreat, require_finite
from hauberk.sets.jpeg_set import JPEGSet
from hauberk.sets.jpeg_transform import JPEGTransform
from hauberk.sets.linf_set import LinfSet


@dataclass(frozen=True)
class JPEG(BallThreat):
    """The threat that every JPEG coefficient of an image moves by up to eps / 2 steps of quantisation.

    Steps are those of quality 50; nothing is rounded to them. The half is the published convention. JPEG halves the
    resolution of chroma, so that the published set does not hold the input itself, only the input with blurred colours:
    give the accuracy at eps 0 with every result, or choose `exact`. Images of one channel have no chroma, and stay as
    they are. Proofs are over the box of the values that each pixel can take.

    Args:
        eps: the radius: a number, or a tensor (b,) with one radius per example.
        within: the range of valid inputs, from black to white.
        exact: whether to add the change that coefficients make to the input, so that no change leaves it as it is.

    Raises:
        InputError: eps is negative, not finite or not a number, or the range is not finite.

    Example:
        >>> import torch
        >>> from hauberk.threats import JPEG
        >>> S = JPEG(1.0).at(torch.full((1, 1, 2, 2), 0.5))
        >>> z = S.start.clone()
        >>> z[0, 0] = 1.0  # the brightness of a block, in half steps of 16 / 8 levels
        >>> 255 * (S.decode(z) - S.decode(S.start))
        tensor([[[[1.0000, 1.0000],
                  [1.0000, 1.0000]]]])

    Source: Kang, Sun, Hendrycks, Brown & Steinhardt 2019 (JPEG in l_inf).
    """

    eps: NonNegative | str | Float[Tensor, "b"] = 0.25
    within: Span | None = (0.0, 1.0)
    exact: bool = False
    norm = "JPEG"

    @staticmethod
    def cases() -> Cases:
        return {"exact": [True]}  # laws have it that no change leaves inputs as they are

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(self.within, "JPEG needs to know black and white")

    @property
    def name(self) -> str:
        return super().name.replace(self.norm, f"{self.norm}, exact,") if self.exact else super().name

    def at(self, x: Float[Tensor, "b *x"]) -> JPEGSet:
        """Return the set around each input.

        Raises:
            ShapeError, InputError: as for other threats; also if inputs are not images (b, channels, height, width) of
                one channel or three.
        """
        x, radius, within = self.centers(x)
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ShapeError(
                f"JPEG needs images (b, channels, height, width) of 1 or 3 channels, but inputs are {tuple(x.shape)}."
            )
        still = x.new_zeros(len(x), JPEGTransform.of(x).count)
        return JPEGSet(x, LinfSet.around(still, radius, None), within, self.exact)  # pyright: ignore[reportArgumentType]
