"""Radii and other tensors of a threat: parsing, expansion to one per example, and the rows of some examples."""

from collections.abc import Collection, Sequence
from copy import copy
from fractions import Fraction
from math import inf
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from hauberk.accepted import tensor
from hauberk.accepted.reach import LATER, require_reach
from hauberk.errors import InputError, ShapeError
from hauberk.kernels.host import on_host
from hauberk.pixel_fractions import written


def radius(eps: float | str | Tensor, name: str = "eps") -> float | Tensor:
    """Return a radius as a number; strings like "8/255" are valid. Messages call it `name`.

    Raises:
        InputError: it is negative, not finite or not a number.
        ShapeError: it is a tensor without values, or of complex ones.
    """
    try:
        value = fraction(eps) if isinstance(eps, str) else eps if isinstance(eps, Tensor) else float(eps)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise InputError(f'{name} must be a number or a fraction like "8/255", but is {eps!r:.80}.') from error
    if isinstance(value, Tensor) and (tensor(name, value).is_complex() or value.is_meta or not value.numel()):
        raise ShapeError(f"{name} must hold real numbers, but has shape {tuple(value.shape)} and type {value.dtype}.")
    most, least = (value.max(), value.min()) if isinstance(value, Tensor) else (value, value)
    if not (least >= 0 and most < inf):
        raise InputError(f"{name} must be finite and not negative, but is {eps!r}.")
    return value


def named(eps: float | str | Tensor) -> str:
    """Return a parsed radius as names of threats have it."""
    return "per example" if isinstance(eps, Tensor) else written(float(eps))


def fraction(text: str) -> float:
    """Return the number that text writes, or the quotient of two: "8/255", "0.5/255".

    Raises:
        ValueError, ZeroDivisionError, OverflowError: it writes none.
    """
    above, slash, below = text.partition("/")
    if "/" in below:
        raise ValueError(text)
    return float(Fraction(above.strip()) / Fraction(below.strip() if slash else 1))


def radii(eps: float | Tensor, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b"]:
    """Return one radius per input, in the inputs' precision.

    Raises:
        ShapeError: eps is a tensor without exactly one radius per input.
    """
    t = eps.to(x) if isinstance(eps, Tensor) else x.new_full((), eps)  # no copy from the host
    if t.ndim and t.shape != (len(x),):
        raise ShapeError(f"eps has shape {tuple(t.shape)}, but must be a number or one for each of {len(x)} inputs.")
    return t.expand(len(x))


Whole = TypeVar("Whole", bound="OfExamples")


class OfExamples:
    """An object about examples, such as a threat: its tensors have one row for all of them, or one for each."""

    def shared(self, shape: Sequence[int]) -> Collection[str]:
        """Return the names of the tensors that hold for all examples of data of this shape, whatever their rows."""
        return ()

    def select(self: Whole, index: Bool[Tensor, "n"] | Int[Tensor, "b"] | slice, shape: Sequence[int]) -> Whole:
        """Return the same for some of the examples of data of this shape, the batch first.

        Tensors in lists, and those of parts that are of examples themselves, are selected as well.

        Raises:
            ShapeError: a tensor has neither one row for all nor one for each; the message names it and both numbers.
        """
        own = {name: value for name, value in vars(self).items() if name not in self.shared(shape)}
        changed = {name: chosen(name, value, index, shape) for name, value in own.items()}
        if all(changed[name] is value for name, value in own.items()):
            return self
        selected = copy(self)
        vars(selected).update(changed)
        return selected


def chosen(name: str, value: Any, index: Tensor | slice, shape: Sequence[int]) -> Any:
    """Return an argument for some of the examples: the rows of a tensor; a number, or a single row, is that of all."""
    if isinstance(value, tuple | list):
        parts = [chosen(name, part, index, shape) for part in value]
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else type(value)(parts)
    if isinstance(value, OfExamples):
        return value.select(index, shape)
    if not isinstance(value, Tensor) or value.ndim == 0 or len(value) == 1:
        return value
    if len(value) != shape[0]:
        raise ShapeError(
            f"{name} has {len(value)} rows for {shape[0]} examples: give one for each of them, or one for all."
        )
    return value[index.to(value.device) if isinstance(index, Tensor) else index]


def rounded(within: tuple[float, float] | None, dtype: torch.dtype) -> tuple[float, float] | None:
    """Return a range of valid inputs in the inputs' precision, so that its ends are valid in every wider one."""
    if within is None:
        return None
    low, high = torch.tensor(within, dtype=dtype).tolist()
    return low, high


def per_example(t: Shaped[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Shaped[Tensor, "b ..."]:
    """Return the one number per example in t, shaped to broadcast over z."""
    return t.view(-1, *(1,) * (z.ndim - 1))


def require_within(x: Tensor, low: float, high: float) -> Tensor:
    """Return the batch clamped to [low, high]; raise if it is not floating point or leaves that range by over DUST.

    Raises:
        ShapeError: x is empty, has no batch dimension or is not of a floating-point type.
        InputError: a value is NaN or out of range; the message names it. In training on an accelerator, `Later.settle`
            raises it instead.
    """
    x = tensor("inputs", x)
    if not x.is_floating_point():
        raise ShapeError(
            f"inputs must be floating point in [{low}, {high}], but have type {x.dtype}; uint8 pixels: x.float() / 255."
        )
    if x.ndim < 2 or x.numel() == 0:
        raise ShapeError(f"inputs must be a non-empty batch (b, ...), but have shape {tuple(x.shape)}.")
    ends, later = x.detach().aminmax(), LATER.get()
    if later is not None and not on_host(x):
        later.add(*ends, low, high)
        return x.clamp(low, high)
    least, most = torch.stack(ends).tolist()
    require_reach(least, most, low, high)
    return x if least >= low and most <= high else x.clamp(low, high)
