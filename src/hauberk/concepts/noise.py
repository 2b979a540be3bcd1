"""Random numbers that belong to examples, not to batches."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.errors import InputError
from hauberk.kernels.splitmix import GOLDEN, SPREAD, mixed, mixed_number
from hauberk.kernels.unit_numbers import unit_numbers


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

    Streams are numbers until something is drawn: what is never drawn costs nothing.

    Args:
        examples: the index of each example, for instance in the data set; -1 for the stream that all examples share.
        state: the state of the seed and all folds.
        given: what tells streams apart, where examples have several; None: their indices do.

    Example:
        >>> import torch
        >>> from hauberk.concepts.noise import Noise
        >>> alone, batch = Noise.of(0, torch.tensor([7])), Noise.of(0, torch.tensor([3, 7]))
        >>> torch.equal(batch.uniform((2,))[1:], alone.uniform((2,)))
        True
        >>> torch.equal(alone.fold(1).uniform((2,)), alone.uniform((2,)))
        False
    """

    examples: Int[Tensor, "b"]
    state: int
    given: Int[Tensor, "b"] | None = None

    @classmethod
    def of(cls, seed: int, examples: Int[Tensor, "b"]) -> "Noise":
        """Return the streams of the examples with these indices (for instance in the data set)."""
        return cls(examples, mixed_number(seed * GOLDEN + 1))

    @cached_property
    def keys(self) -> Int[Tensor, "b"]:
        """The state of each example's stream."""
        return (self.examples.long() * SPREAD if self.given is None else self.given) + self.state

    def fold(self, number: int) -> "Noise":
        """Return streams independent of these and of those for other numbers (a step, a restart, an attack)."""
        return replace(self, state=mixed_number(mixed_number(self.state) + (number + 1) * GOLDEN))

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "Noise":
        """Return the streams of some of the examples."""
        return replace(self, examples=self.examples[index], given=None if self.given is None else self.given[index])

    def repeated(self, count: int) -> "Noise":
        """Return `count` independent streams per example, those of one example in a row."""
        numbers = torch.arange(1, count + 1, device=self.keys.device) * GOLDEN
        given = mixed(mixed(self.keys)[:, None] + numbers).flatten()
        return replace(self, examples=self.examples.repeat_interleave(count), given=given)

    @property
    def common(self) -> "Noise":
        """A single stream that is the same for all examples, whatever the batch."""
        alone = torch.full((1,), -1, dtype=torch.int64, device=self.examples.device)
        return replace(self, examples=alone, given=None)

    def uniform(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return numbers uniform in (0, 1), of this shape per example."""
        return unit_numbers(self.keys, math.prod(shape), dtype).view(-1, *shape)

    def signs(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return random signs, 1 or -1 with equal probability, of this shape per example."""
        total, device = math.prod(shape), self.keys.device
        words = mixed(self.keys[:, None] + torch.arange(1, math.ceil(total / 64) + 1, device=device) * GOLDEN)
        bits = (words[:, :, None] >> torch.arange(64, device=device)) & 1
        return bits.flatten(1)[:, :total].to(dtype).mul_(2).sub_(1).view(-1, *shape)

    def normal(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Float[Tensor, "b ..."]:
        """Return standard normal numbers, of this shape per example: on all devices the same but for the last bits."""
        return torch.special.ndtri(self.uniform(shape, torch.promote_types(dtype, torch.float32))).to(dtype)
