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
