"""Generators that repeat, for any seed."""

import pytest
import torch

from hauberk.training.seeding import seed_generators


@pytest.mark.parametrize("seed", [0, 7, -1, (1 << 70) + 3])
def test_a_seed_repeats_what_is_drawn(seed: int) -> None:
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            seed_generators(seed, torch.device("cpu"))
            drawn.append(torch.rand(3))
        seed_generators(seed + 1, torch.device("cpu"))
        assert not torch.equal(torch.rand(3), drawn[0])
    assert torch.equal(*drawn)
