"""What is left to the longer run, `make test-all`."""

from collections.abc import Iterable
from typing import Any

import pytest

RUN = True  # `conftest.py` says false where this run leaves it out: `laws` then do not build all pairs


def mostly_later(some: Iterable[Any], every: int = 4) -> list[Any]:
    """Return parameters, the first of every few for each run and the others for the longer one.

    A tuple holds the values of several arguments.
    """
    each = [one if isinstance(one, tuple) else (one,) for one in some]
    return [pytest.param(*one, marks=() if i % every == 0 else pytest.mark.product) for i, one in enumerate(each)]
