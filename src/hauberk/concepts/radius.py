"""Radii and other tensors of a threat: parsing, expansion to one per example, and the rows of some examples."""

from fractions import Fraction
from math import inf

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from hauberk.errors import InputError, ShapeError


def radius(eps: float | str | Tensor, name: str = "eps") -> float | Tensor:
    """Return a radius as a number; strings like "8/255" are valid. Messages call it `name`.

    Raises:
        InputError: it is negative, not finite or not a number.
    """
    try:
        value = float(Fraction(eps)) if isinstance(eps, str) else eps if isinstance(eps, Tensor) else float(eps)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f'{name} must be a number or a fraction like "8/255", but is {eps!r}.') from error
    most, least = (value.max(), value.min()) if isinstance(value, Tensor) else (value, value)
    if not (least >= 0 and most < inf):
        raise InputError(f"{name} must be finite and not negative, but is {eps!r}.")
    return value


def radii(eps: float | Tensor, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b"]:
    """Return one radius per input, in the inputs' precision.

    Raises:
        ShapeError: eps is a tensor without exactly one radius per input.
    """
    t = torch.as_tensor(eps, dtype=x.dtype, device=x.device)
    if t.ndim and t.shape != (len(x),):
        raise ShapeError(f"eps has shape {tuple(t.shape)}, but must be a number or one for each of {len(x)} inputs.")
    return t.expand(len(x))


def chosen(name: str, t: Shaped[Tensor, "..."], index: Tensor | slice, examples: int) -> Shaped[Tensor, "..."]:
    """Return the rows of some of the examples; a number, or a single row, is that of all of them.

    Raises:
        ShapeError: there is neither one row for all nor one for each example; the message gives both numbers.
    """
    if t.ndim == 0 or len(t) == 1:
        return t
    if len(t) != examples:
        raise ShapeError(
            f"{name} has {len(t)} rows for {examples} examples: give one for each of them, or one for all."
        )
    return t[index.to(t.device) if isinstance(index, Tensor) else index]


def rounded(within: tuple[float, float] | None, dtype: torch.dtype) -> tuple[float, float] | None:
    """Return a range of valid inputs in the inputs' precision, so that its ends are valid in every wider one."""
    if within is None:
        return None
    low, high = torch.tensor(within, dtype=dtype).tolist()
    return low, high


def per_example(t: Shaped[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Shaped[Tensor, "b ..."]:
    """Return the one number per example in t, shaped to broadcast over z."""
    return t.view(-1, *(1,) * (z.ndim - 1))


DUST = 1e-6
"""The share of the range by which rounding may have moved an input out of it."""


def require_within(x: Tensor, low: float, high: float) -> Tensor:
    """Return the batch clamped to [low, high]; raise if it is not floating point or leaves that range by over DUST.

    Raises:
        ShapeError: x is empty, has no batch dimension or is not of a floating-point type.
        InputError: a value is NaN or out of range; the message names it.
    """
    if not x.is_floating_point():
        raise ShapeError(
            f"inputs must be floating point in [{low}, {high}], but have type {x.dtype}; uint8 pixels: x.float() / 255."
        )
    if x.ndim < 2 or x.numel() == 0:
        raise ShapeError(f"inputs must be a non-empty batch (b, ...), but have shape {tuple(x.shape)}.")
    least, most = torch.stack(x.aminmax()).tolist()
    dust = DUST * (high - low if high - low < inf else max(most, -least))
    if not (-inf < least >= low - dust and inf > most <= high + dust):
        raise InputError(
            f"inputs must lie in [{low}, {high}], but reach from {least:.6g} to {most:.6g}. Pass pixels "
            "in that range and put the normalisation inside the model: nn.Sequential(Normalize(mean, std), network)."
        )
    return x if least >= low and most <= high else x.clamp(low, high)
