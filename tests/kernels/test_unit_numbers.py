"""Numbers of the open unit interval: the compiled twin to the bit, and the ends."""

import pytest
import torch

from hauberk.kernels.rows import COMPILED
from hauberk.kernels.splitmix import GOLDEN, MIX_1, MIX_2
from hauberk.kernels.unit_numbers import BLOCK, plain, unit_numbers

KEYS = torch.randint(-(2**62), 2**62, (37,), generator=torch.Generator().manual_seed(0))
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.skipif(not COMPILED, reason="without numba the plain twin is all there is to test")
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, 3000])
def test_the_compiled_twin_gives_the_same_bits(count, dtype):
    assert torch.equal(unit_numbers(KEYS, count, dtype), plain(KEYS, count, dtype))


def test_blocks_leave_no_seam():
    count = BLOCK // len(KEYS) + 3
    assert torch.equal(plain(KEYS, count, torch.float32)[:1], plain(KEYS[:1], count, torch.float32))


def key_of(word):
    """Return the key whose first number comes from this word."""
    word ^= (word >> 31) ^ (word >> 62)
    word = word * pow(MIX_2, -1, 1 << 64) % (1 << 64)
    word ^= (word >> 27) ^ (word >> 54)
    word = word * pow(MIX_1, -1, 1 << 64) % (1 << 64)
    word ^= (word >> 30) ^ (word >> 60)
    word = (word - GOLDEN) % (1 << 64)
    return torch.tensor([word - (1 << 64) if word >> 63 else word])


@pytest.mark.parametrize("dtype", TYPES)
def test_words_at_the_edges_give_the_ends_of_the_open_interval(dtype):
    half = torch.finfo(dtype).eps / 2
    for draw in (unit_numbers, plain):
        assert draw(key_of(0), 1, dtype).item() == half
        assert draw(key_of((1 << 64) - 1), 1, dtype).item() == 1 - half
