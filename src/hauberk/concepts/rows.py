"""Rows: linear functions of one value of a graph, each belonging to an example of the batch."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """r coefficient tensors; row i speaks of example `owner[i]`, so that examples may own different numbers of rows."""

    values: Float[Tensor, "r *z"]
    owner: Int[Tensor, "r"]
    per_example: int | None = None
    """k where every example owns k consecutive rows: products then broadcast instead of gathering."""

    @classmethod
    def uniform(cls, values: Float[Tensor, "b k *z"]) -> "Rows":
        """Return k rows for each example."""
        b, k = values.shape[:2]
        return cls(values.flatten(0, 1), torch.arange(b, device=values.device).repeat_interleave(k), k)

    def with_values(self, values: Float[Tensor, "r ..."]) -> "Rows":
        """Return rows with the same owners."""
        return Rows(values, self.owner, self.per_example)

    def times(self, t: Float[Tensor, "b *z"]) -> Float[Tensor, "r *z"]:
        """Return every row multiplied element by element by its owner's t (one t for all where t has batch 1)."""
        if self.per_example is None:
            return self.values * (t if len(t) == 1 else t[self.owner])
        return (self.values.unflatten(0, (-1, self.per_example)) * t.unsqueeze(1)).flatten(0, 1)

    def dot(self, t: Float[Tensor, "b *z"], dtype: torch.dtype | None = None) -> Float[Tensor, "r"]:
        """Return the inner product of every row with its owner's t, summed in `dtype`."""
        return self.times(t).flatten(1).sum(1, dtype=dtype)
