"""Random numbers that belong to examples, not to batches."""

import math
from dataclasses import dataclass
from numbers import Integral

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.errors import InputError
from hauberk.kernels.splitmix import GOLDEN, mixed

BLOCK = 1 << 18


def require_seed(seed: int, bits: int = 64) -> None:
    """Raise unless a seed is an integer of so many bits, the sign included."""
    integer = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not (integer and -(1 << bits - 1) <= seed < 1 << bits - 1):
        raise InputError(f"a seed is an integer of {bits} bits, but is {seed!r}.")


@dataclass(frozen=True)
class Noise:
    """A stream of random numbers for each example of a batch, a pure function of (seed, example, folds, position).

    An example draws the same numbers whatever the batch size, the device, the number of processes and the other
    examples in the batch; normal numbers are the same on all devices but for the last bits, which each device's own
    logarithm rounds. Drawing twice gives the same numbers; `fold` gives a new stream. Create it with `Noise.of`.

    Args:
        keys: the state of each example's stream.
        common_key: the state of the stream that all examples share.
        examples: the index of each example, for instance in the data set; -1 if a stream belongs to none.

    Example:
        >>> import torch
        >>> from hauberk.concepts.noise import Noise
        >>> alone, batch = Noise.of(0, torch.tensor([7])), Noise.of(0, torch.tensor([3, 7]))
        >>> torch.equal(batch.uniform((2,))[1:], alone.uniform((2,)))
        True
        >>> torch.equal(alone.fold(1).uniform((2,)), alone.uniform((2,)))
        False
    """

    keys: Int[Tensor, "b"]
    common_key: Int[Tensor, ""]
    examples: Int[Tensor, "b"]

    @classmethod
    def of(cls, seed: int, examples: Int[Tensor, "b"]) -> "Noise":
        """Return the streams of the examples with these indices (for instance in the data set)."""
        start = mixed(torch.full((), seed, dtype=torch.int64, device=examples.device) * GOLDEN + 1)
        return cls(mixed(start + (examples.long() + 1) * GOLDEN), mixed(start), examples)

    def fold(self, number: int) -> "Noise":
        """Return streams independent of these and of those for other numbers (a step, a restart, an attack)."""
        step = torch.tensor(number + 1) * GOLDEN
        return type(self)(mixed(mixed(self.keys) + step), mixed(mixed(self.common_key) + step), self.examples)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "Noise":
        """Return the streams of some of the examples."""
        return type(self)(self.keys[index], self.common_key, self.examples[index])

    def repeated(self, count: int) -> "Noise":
        """Return `count` independent streams per example, those of one example in a row."""
        numbers = torch.arange(1, count + 1, device=self.keys.device) * GOLDEN
        keys = mixed(mixed(self.keys)[:, None] + numbers).flatten()
        return type(self)(keys, self.common_key, self.examples.repeat_interleave(count))

    @property
    def common(self) -> "Noise":
        """A single stream that is the same for all examples, whatever the batch."""
        return type(self)(self.common_key[None], self.common_key, torch.full_like(self.common_key[None], -1))

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return numbers uniform in (0, 1), of this shape per example."""
        total, device = math.prod(shape), self.keys.device
        size = round(-math.log2(torch.finfo(dtype).eps))
        drawn = torch.empty(len(self.keys), total, dtype=dtype, device=device)
        block = max(1, BLOCK // max(1, len(self.keys)))
        for start in range(0, total, block):  # the integers take several times the memory of the result
            end = min(start + block, total)
            bits = mixed(self.keys[:, None] + torch.arange(start + 1, end + 1, device=device) * GOLDEN)
            drawn[:, start:end] = (bits >> (64 - size)) & ((1 << size) - 1)
        return drawn.add_(0.5).mul_(2.0**-size).view(-1, *shape)

    def signs(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return random signs, 1 or -1 with equal probability, of this shape per example."""
        total, device = math.prod(shape), self.keys.device
        words = mixed(self.keys[:, None] + torch.arange(1, math.ceil(total / 64) + 1, device=device) * GOLDEN)
        bits = (words[:, :, None] >> torch.arange(64, device=device)) & 1
        return bits.flatten(1)[:, :total].to(dtype).mul_(2).sub_(1).view(-1, *shape)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return standard normal numbers, of this shape per example: on all devices the same but for the last bits."""
        return torch.special.ndtri(self.uniform(shape, torch.promote_types(dtype, torch.float32))).to(dtype)
