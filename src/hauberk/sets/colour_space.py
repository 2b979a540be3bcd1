"""Colours as lightness and chromaticity: CIE L*u*v*, rescaled to (L / 100, (u + 100) / 200, (v + 100) / 200).

The last dimension holds a colour: red, green and blue in [0, 1] with sRGB's curve; or one number, for grey, which has
a lightness only. Both directions have finite slopes everywhere, black included.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

Colours = Float[Tensor, "*p c"]

XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9504))
"""The tristimulus values X, Y, Z of red, green and blue light."""
WHITE = (0.1978, 0.4683)
"""The chromaticities u', v' of white."""
CHROMATICITIES = ((0.1, 0.5), (0.1, 0.6))
"""Ranges of u' and v' around those of a screen: 0.125 to 0.451, and 0.158 to 0.563."""
BEND, SLOPE = 0.08, 24389 / 2700
"""Up to this rescaled lightness, it is this slope times the luminance Y; above, a cube root."""
BLACK = 1e-8
"""The rescaled lightness, and sum of light, below which colours fade to that of white, so that quotients are finite."""
# With X and Z from luminance and chromaticity, red, green and blue are Y * ((a u' + b) / v' + c).
MIXES = [
    (2.25 * x - 0.75 * z, 3 * z, y - 5 * z) for x, y, z in torch.tensor(XYZ, dtype=torch.float64).inverse().tolist()
]


def to_luv(rgb: Colours) -> Colours:
    """Return the rescaled L*u*v* of sRGB colours, or the rescaled lightness of greys.

    Source: IEC 61966-2-1 (sRGB); CIE 15 (L*u*v*).
    """
    light = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    if light.shape[-1] == 1:
        return lightness(light)
    red, green, blue = light.unbind(-1)
    x, y, z = (r * red + g * green + b * blue for r, g, b in XYZ)
    total, L = (x + 15 * y + 3 * z).clamp(min=BLACK), lightness(y)
    return torch.stack([L, 0.5 + 6.5 * L * (4 * x / total - WHITE[0]), 0.5 + 6.5 * L * (9 * y / total - WHITE[1])], -1)


def to_rgb(luv: Colours) -> Colours:
    """Return the sRGB of colours, or of greys; what a screen cannot show is outside [0, 1]."""
    # The slope of u' in u is 1 / (6.5 L): dark colours that move a little get chromaticities that nothing has, v' = 0
    # among them, where X and Z have poles. Kept to a range around the screen's, chromaticities give light slopes of
    # the order of Y / L, which is bounded, and colours of the screen are what they were. Nothing is darker than black.
    L = luv[..., 0].clamp(min=0)
    if luv.shape[-1] == 1:
        return screened(luminance(L))[..., None]
    u, v = (
        (white + (luv[..., axis] - 0.5) / (6.5 * L.clamp(min=BLACK))).clamp(*ends)
        for axis, white, ends in zip((1, 2), WHITE, CHROMATICITIES, strict=True)
    )
    return screened(luminance(L)[..., None] * torch.stack([(a * u + b) / v + c for a, b, c in MIXES], -1))


def lightness(luminance: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the rescaled L of luminances Y."""
    return torch.minimum(SLOPE * luminance, 1.16 * luminance.clamp(min=BEND / SLOPE) ** (1 / 3) - 0.16)


def luminance(lightness: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the luminance Y of a rescaled L."""
    return torch.where(lightness > BEND, ((lightness + 0.16) / 1.16) ** 3, lightness / SLOPE)


def screened(light: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Return the values that sRGB gives to light; the smaller of line and power, so that more light gets no less."""
    return torch.minimum(12.92 * light, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def rgb_range(
    lower: Float64[Tensor, "*p c"], upper: Float64[Tensor, "*p c"], unit: float
) -> tuple[Float64[Tensor, "*p c"], Float64[Tensor, "*p c"]]:
    """Return bounds of `to_rgb` over boxes of colours, in arithmetic whose roundings are up to half of `unit`.

    Light is luminance, which rises with L, times a mix that is monotone in u' and in v', which are monotone in each of
    L, u and v: all extremes are at corners, and only that the same L acts on all three is lost. Relative errors count
    roundings: at most 8 in luminance and chromaticity, 6 in a mix, 14 in a power; the rest is to spare.
    """
    L = lower[..., 0].clamp(min=0), upper[..., 0].clamp(min=0)
    dark, bright = luminance(L[0]) * (1 - 8 * unit), luminance(L[1]) * (1 + 8 * unit)
    lights = [(dark, bright)]
    if lower.shape[-1] == 3:
        u, v = (
            [
                choose(*((end[..., axis] - 0.5) / (6.5 * at.clamp(min=BLACK)) for at in L)).add(shift).clamp(*ends)
                for end, choose, shift in (
                    (lower, torch.minimum, white - 4 * unit),
                    (upper, torch.maximum, white + 4 * unit),
                )
            ]
            for axis, white, ends in zip((1, 2), WHITE, CHROMATICITIES, strict=True)
        )
        lights = []
        for a, b, c in MIXES:
            mixes = torch.stack([(a * u_end + b) / v_end + c for u_end in u for v_end in v])
            blur = 4 * unit * ((abs(a) + abs(b)) / v[0] + abs(c))
            least, most = mixes.amin(0) - blur, mixes.amax(0) + blur
            lights.append((torch.minimum(least * dark, least * bright), torch.maximum(most * dark, most * bright)))
    low, high = (screened(torch.stack(side, -1)) for side in zip(*lights, strict=True))
    return low - 8 * unit * (low.abs() + 0.1), high + 8 * unit * (high.abs() + 0.1)
