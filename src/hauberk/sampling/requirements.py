"""Checks of numbers that votes depend on."""

from numbers import Integral, Real

from hauberk.errors import InputError


def require_reals(**values: object) -> None:
    """Raise unless these are real numbers: Python's or numpy's, no tensors and no texts."""
    for name, value in values.items():
        real(name, value)


def real(name: str, value: object) -> float:
    """Return a number as Python's, or raise unless it is a real one."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} is a number, but is {value!r}.")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name} is too large a number: {value!r:.40}...") from error


def require_counts(**values: object) -> None:
    """Raise unless these are positive integers."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise InputError(f"{name} is a positive integer, but is {value!r}.")


def require_several(**values: object) -> None:
    """Raise unless these are lists or tuples."""
    for name, value in values.items():
        if not isinstance(value, list | tuple):
            raise InputError(f"{name} is a list, but is {value!r}.")


def require_failure(alpha: float) -> None:
    """Raise unless a probability of failure lies strictly between 0 and 1."""
    require_reals(alpha=alpha)
    if not 0 < alpha < 1:
        raise InputError(f"alpha is the probability of failure, between 0 and 1, but is {alpha}.")
