"""What stays at the places of a batch from one batch to the next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass

import torch
from jaxtyping import Float
from torch import Tensor


class Memory:
    """Rows of a tensor, the first of them for a batch's first example; a training keeps them in its checkpoints."""

    def __init__(self) -> None:
        self.rows: Tensor | None = None

    def recall(self, like: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"] | None:
        """Return the rows for a batch of this shape; None where they do not fit, as before the first batch."""
        if self.rows is None or self.rows.shape[1:] != like.shape[1:] or len(self.rows) < len(like):
            return None
        return self.rows[: len(like)].to(like)

    def keep(self, rows: Float[Tensor, "b *z"]) -> None:
        """Replace the first rows; those behind them stay, for the next batch of full size."""
        rows = rows.detach()
        behind = self.rows[len(rows) :] if self.recall(rows) is not None and self.rows is not None else rows[:0]
        self.rows = torch.cat([rows, behind.to(rows)])


def memories(part: object) -> Iterator[Memory]:
    """Yield what an objective and all that it is made of remember, always in the same order."""
    if isinstance(part, Memory):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from memories(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from memories(value)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from memories(value)
