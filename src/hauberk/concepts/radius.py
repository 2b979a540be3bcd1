"""Radii: parsing, and expansion to one per example."""

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


def rounded(within: tuple[float, float] | None, dtype: torch.dtype) -> tuple[float, float] | None:
    """Return a range of valid inputs in the inputs' precision, so that its ends are valid in every wider one."""
    if within is None:
        return None
    low, high = torch.tensor(within, dtype=dtype).tolist()
    return low, high


def per_example(t: Shaped[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Shaped[Tensor, "b ..."]:
    """Return the one number per example in t, shaped to broadcast over z."""
    return t.view(-1, *(1,) * (z.ndim - 1))
