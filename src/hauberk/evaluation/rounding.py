"""Numbers as records hold them: in float32, rounded to the safe side."""

from math import inf

from jaxtyping import Float32, Float64
from torch import Tensor

from hauberk.concepts.rounding import rounded_down


def rounded_up(numbers: Float64[Tensor, "b"]) -> Float32[Tensor, "b"]:
    """Return the smallest float32 numbers that are not below these."""
    return -rounded_down(-numbers)


def finite_or_null(numbers: Float32[Tensor, "b"]) -> list[float | None]:
    """Return numbers as a column, with null for infinite ones and NaN."""
    return [number if abs(number) < inf else None for number in numbers.tolist()]
