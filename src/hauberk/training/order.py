"""The order in which training sees its examples: a pure function of seed and epoch."""

import torch
from jaxtyping import Int
from torch import Tensor


def held_out(examples: int, count: int, seed: int) -> tuple[Int[Tensor, "n"], Int[Tensor, "m"]]:
    """Return the indices to train on and the `count` indices held out for validation, each increasing."""
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(seed))
    return order[count:].sort().values, order[:count].sort().values


def epoch_order(examples: int, seed: int, epoch: int) -> Int[Tensor, "n"]:
    """Return a permutation of the examples."""
    return torch.randperm(examples, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch + 1))


def pool_order(pool: int, count: int, seed: int, epoch: int) -> Int[Tensor, "count"]:
    """Return the `count` indices of a pool that an epoch takes; none is repeated before all have been taken."""
    passes, skipped = divmod(epoch * count, pool)
    last = (skipped + count - 1) // pool
    # The seed's complement: a pool as large as the labelled part must not be shuffled in step with it.
    return torch.cat([epoch_order(pool, ~seed, passes + more) for more in range(last + 1)])[skipped:][:count]


def half_and_half(first: Int[Tensor, "n"], second: Int[Tensor, "n"], batch: int) -> Int[Tensor, "2*n"]:
    """Return both orders merged: half of every batch from each, the first one's half in front."""
    halves = zip(first.split(batch // 2), second.split(batch // 2), strict=True)
    return torch.cat([half for pair in halves for half in pair])
