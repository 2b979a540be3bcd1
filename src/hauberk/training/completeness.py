"""Training with all parts of its attacks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hauberk.errors import InputError, PartWarning


@contextmanager
def complete() -> Iterator[None]:
    """Refuse combinations in the block of which some part does not apply: training would defend against less.

    Raises:
        InputError: a part does not apply; the message names it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", PartWarning)
        try:
            yield
        except PartWarning as warning:
            raise InputError(f"training needs attacks all of whose parts apply, but {warning}") from warning


@contextmanager
def incomplete() -> Iterator[None]:
    """Let combinations in the block, which judge but do not train, leave parts out: a warning says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", PartWarning)
        yield
