"""Random numbers that belong to examples, not to batches."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

GOLDEN = -7046029254386353131  # 2^64 / golden ratio, as a signed 64-bit integer
MIX_1, MIX_2 = -4658895280553007687, -7723592293110705685
BLOCK = 1 << 18
LOW_33, LOW_34, LOW_37 = (1 << 33) - 1, (1 << 34) - 1, (1 << 37) - 1


def mixed(x: Tensor) -> Tensor:
    """Return a bijective scramble of 64-bit integers; shifts are logical. Source: Steele et al. 2014 (SplitMix64)."""
    x = (x ^ ((x >> 30) & LOW_34)) * MIX_1
    x = (x ^ ((x >> 27) & LOW_37)) * MIX_2
    return x ^ ((x >> 31) & LOW_33)


@dataclass(frozen=True)
class Noise:
    """A stream of random numbers for each example of a batch, a pure function of (seed, example, folds, position).

    An example draws the same numbers whatever the batch size, the device, the number of processes, and whoever else is
    still in the batch. Drawing twice gives the same numbers: `fold` gives a new stream.
    """

    keys: Int[Tensor, "b"]
    common_key: Int[Tensor, ""]
    examples: Int[Tensor, "b"]
    """The index of each example, in the data set, say; -1 where the stream belongs to none."""

    @classmethod
    def of(cls, seed: int, examples: Int[Tensor, "b"]) -> "Noise":
        """Return the streams of the examples with these indices (in the data set, say)."""
        start = mixed(torch.tensor(seed, device=examples.device) * GOLDEN + 1)
        return cls(mixed(start + (examples.long() + 1) * GOLDEN), mixed(start), examples)

    def fold(self, number: int) -> "Noise":
        """Return independent streams, one for each number (a step, a restart, an attack)."""
        step = torch.tensor(number + 1) * GOLDEN
        return type(self)(mixed(mixed(self.keys) + step), mixed(mixed(self.common_key) + step), self.examples)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "Noise":
        """Return the streams of some of the examples."""
        return type(self)(self.keys[index], self.common_key, self.examples[index])

    def repeated(self, count: int) -> "Noise":
        """Return `count` independent streams for each example, one after the other."""
        numbers = torch.arange(1, count + 1, device=self.keys.device) * GOLDEN
        keys = mixed(mixed(self.keys)[:, None] + numbers).flatten()
        return type(self)(keys, self.common_key, self.examples.repeat_interleave(count))

    @property
    def common(self) -> "Noise":
        """One stream that is the same for all examples, whoever is in the batch."""
        return type(self)(self.common_key[None], self.common_key, torch.full_like(self.common_key[None], -1))

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return numbers uniform in (0, 1), of this shape for each example."""
        total, device = math.prod(shape), self.keys.device
        size = 52 if dtype == torch.float64 else 23
        drawn = torch.empty(len(self.keys), total, dtype=dtype, device=device)
        block = max(1, BLOCK // max(1, len(self.keys)))
        for start in range(0, total, block):  # the integers take several times the memory of what they become
            end = min(start + block, total)
            bits = mixed(self.keys[:, None] + torch.arange(start + 1, end + 1, device=device) * GOLDEN)
            drawn[:, start:end] = (bits >> (64 - size)) & ((1 << size) - 1)
        return drawn.add_(0.5).mul_(2.0**-size).view(-1, *shape)

    def signs(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return numbers that are 1 or -1, one as likely as the other, of this shape for each example."""
        total, device = math.prod(shape), self.keys.device
        words = mixed(self.keys[:, None] + torch.arange(1, math.ceil(total / 64) + 1, device=device) * GOLDEN)
        bits = (words[:, :, None] >> torch.arange(64, device=device)) & 1
        return bits.flatten(1)[:, :total].to(dtype).mul_(2).sub_(1).view(-1, *shape)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return standard normal numbers, of this shape for each example."""
        return torch.special.ndtri(self.uniform(shape, dtype))
