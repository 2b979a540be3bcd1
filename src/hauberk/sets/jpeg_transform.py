"""Pixels that JPEG's coefficients make."""

from dataclasses import dataclass, replace
from math import ceil, pi

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Rows go by vertical, columns by horizontal frequency. Source: ITU-T T.81, tables K.1 and K.2 (quality 50).
LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    *(17, 18, 24, 47, 99, 99, 99, 99),
    *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)
SHARES = (0.299, 0.587, 0.114)
"""The shares of red, green and blue in luma."""
RED, BLUE = 2 * (1 - SHARES[0]), 2 * (1 - SHARES[2])
TINTS = ((0.0, RED), (-BLUE * SHARES[2] / SHARES[1], -RED * SHARES[0] / SHARES[1]), (BLUE, 0.0))
"""The red, green and blue that one unit of Cb and of Cr adds. Source: ITU-T T.871 (JFIF)."""


@dataclass(frozen=True)
class JPEGTransform:
    """The linear map from coefficients, in steps of quantisation, to pixels, in levels of which white is 255.

    Coefficients are planes in rows: luma first, then Cb and Cr of half the resolution; images of one channel are luma
    alone. A block's coefficients lie where its pixels do. Blocks that reach over an edge are whole: pixels beyond it
    are not shown. The map costs some 40 flops a coefficient; an example's image does not depend on others in the batch.

    Args:
        shape: channels, height and width of the images.
        lines: the orthonormal cosines of eight pixels, a row for each frequency.
        tables: the steps of luma and of chroma: rows by vertical, columns by horizontal frequency.
        tints: the red, green and blue that one unit of Cb and of Cr adds.
    """

    shape: tuple[int, int, int]
    lines: Float[Tensor, "8 8"]
    tables: Float[Tensor, "2 8 8"]
    tints: Float[Tensor, "3 2"]

    @classmethod
    def of(cls, images: Float[Tensor, "b c h w"]) -> "JPEGTransform":
        """Return the map for images of this shape, in their precision and on their device."""
        channels, height, width = images.shape[1:]
        with torch.inference_mode(False):  # gradients pass the matrices later, whatever mode they were made in
            at = torch.arange(8, dtype=torch.float64)
            lines = torch.cos(pi / 16 * at[:, None] * (2 * at + 1)) / 2
            lines[0] *= 0.5**0.5
            tables, tints = (torch.tensor(t, dtype=torch.float64) for t in ((LUMINANCE, CHROMINANCE), TINTS))
            kind = {"dtype": images.dtype, "device": images.device}
            return cls((channels, height, width), *(t.to(**kind) for t in (lines, tables.view(2, 8, 8), tints)))

    def absolute(self) -> "JPEGTransform":
        """Return the map whose entries are the absolute values of this one's, as each is a product of entries."""
        return replace(self, lines=self.lines.abs(), tints=self.tints.abs())

    @property
    def grid(self) -> tuple[int, int]:
        """The numbers of rows and columns of blocks: of Cb where there are colours, else of luma."""
        channels, height, width = self.shape
        side = 8 if channels == 1 else 16
        return ceil(height / side), ceil(width / side)

    @property
    def count(self) -> int:
        """The number of an image's coefficients."""
        rows, columns = self.grid
        return 64 * rows * columns * (1 if self.shape[0] == 1 else 6)

    def __call__(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
        """Return what coefficients add to the pixels."""
        channels, height, width = self.shape
        rows, columns = self.grid
        if channels == 1:
            pixels = self.painted(z.reshape(-1, 1, rows, 8, columns, 8), self.tables[0])
        else:
            luma, chroma = z.tensor_split([4 * 64 * rows * columns], 1)
            chroma = self.painted(chroma.reshape(-1, 2, rows, 8, columns, 8), self.tables[1])
            colours = (self.tints[..., None, None] * chroma[:, None]).sum(2)
            luma = self.painted(luma.reshape(-1, 1, 2 * rows, 8, 2 * columns, 8), self.tables[0])
            pixels = luma + doubled(colours)
        return pixels[..., :height, :width]

    def painted(
        self, z: Float[Tensor, "b p rows 8 columns 8"], table: Float[Tensor, "8 8"]
    ) -> Float[Tensor, "b p 8*rows 8*columns"]:
        """Return the planes of these coefficients.

        One product with all cosines of a block is no slower, but rounds differently in batches of other sizes.
        """
        across = ((z * table[:, None]) @ self.lines).flatten(4)
        return (self.lines.T @ across).flatten(2, 3)


def doubled(planes: Float[Tensor, "b p h w"]) -> Float[Tensor, "b p 2*h 2*w"]:
    """Return planes of which each pixel covers two by two."""
    return planes.repeat_interleave(2, 2).repeat_interleave(2, 3)


def colour_blurred(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Return images whose chroma is averaged over two by two pixels: what JPEG makes of them without rounding.

    Without rounding the DCT and its inverse cancel. What colours add to luma is linear in chroma, so it is averaged
    itself. An odd side's last pixels are averaged alone, which is to repeat them.
    """
    if images.shape[1] == 1:
        return images
    height, width = images.shape[2:]
    luma = (images * images.new_tensor(SHARES).view(3, 1, 1)).sum(1, keepdim=True)
    colours = images - luma
    return images + (doubled(F.avg_pool2d(colours, 2, ceil_mode=True))[..., :height, :width] - colours)
