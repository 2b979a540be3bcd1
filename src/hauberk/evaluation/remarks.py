"""Remarks of combinations of attacks on parts that do not apply."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hauberk.errors import PartWarning


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Collect, each once, what is said in the block about parts left out or replaced; other warnings are shown."""
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", PartWarning)
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if not issubclass(category, PartWarning):
                show(message, category, *place)
            elif str(message) not in said:
                said.append(str(message))

        warnings.showwarning = note
        yield said
