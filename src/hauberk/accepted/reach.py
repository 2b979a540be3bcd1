"""The range of valid inputs: refused at once what leaves it, or later, where asking would make the processor wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.errors import InputError

DUST = 1e-6
"""The share of the range by which rounding may have moved an input out of it."""


def require_reach(least: float, most: float, low: float, high: float) -> None:
    """Raise if inputs between `least` and `most` are NaN or leave the range by more than rounding.

    Raises:
        InputError: they do; the message names both.
    """
    dust = DUST * (high - low if high - low < inf else max(most, -least))
    if not (-inf < least >= low - dust and inf > most <= high + dust):
        raise InputError(
            f"inputs must lie in [{low}, {high}], but reach from {least:.6g} to {most:.6g}. Pass pixels "
            "in that range and put the normalisation inside the model: nn.Sequential(Normalize(mean, std), network)."
        )


class Later:
    """Checks of many batches on an accelerator, whose answers are read together."""

    def __init__(self) -> None:
        self.farthest: dict[tuple[float, float], Tensor] = {}
        """For each range, how far inputs reached below zero and above it."""

    def add(self, least: Float[Tensor, ""], most: Float[Tensor, ""], low: float, high: float) -> None:
        """Note how far a batch reaches; nothing waits for the device."""
        reach = torch.stack([-least, most])
        before = self.farthest.get((low, high), reach)
        self.farthest[low, high] = torch.maximum(before, reach.to(before))

    def settle(self) -> None:
        """Raise if a batch since the last call left its range.

        Raises:
            InputError: one did.
        """
        noted, self.farthest = self.farthest, {}
        for ends, reach in noted.items():
            below, above = reach.tolist()
            require_reach(-below, above, *ends)


LATER: ContextVar[Later | None] = ContextVar("LATER", default=None)


@contextmanager
def asked_later(checks: Later) -> Iterator[None]:
    """Note in `checks` how far inputs on accelerators reach inside the block, instead of asking for it."""
    token = LATER.set(checks)
    try:
        yield
    finally:
        LATER.reset(token)
