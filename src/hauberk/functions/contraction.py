"""Products of two values summed over some dimensions, and their transposes."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Contraction:
    """An einsum of two values in which every letter stands in two of the three terms at least.

    Its value is linear in each operand, and the transpose of either map is another einsum of the same letters.

    Args:
        left: the letters of the first operand's dimensions, without the batch, which is B.
        right: those of the second one.
        out: those of the result.
        sizes: the size of every letter.
    """

    left: str
    right: str
    out: str
    sizes: tuple[tuple[str, int], ...]

    @cached_property
    def size_of(self) -> dict[str, int]:
        """The size of every letter."""
        return dict(self.sizes)

    def shape(self, letters: str) -> tuple[int, ...]:
        """Return the sizes of these letters."""
        return tuple(self.size_of[letter] for letter in letters)

    @property
    def terms(self) -> int:
        """The number of products summed into one element."""
        return math.prod(self.shape("".join(set(self.left) - set(self.out))))

    @property
    def uses(self) -> int:
        """The maximum number of elements of the result that read an element of an operand."""
        return max(math.prod(self.shape("".join(set(self.out) - set(side)))) for side in (self.left, self.right))

    def halves(self, z: Float[Tensor, "*b n"]) -> tuple[Tensor, Tensor]:
        """Return the two operands, which lie flat behind one another."""
        shapes = self.shape(self.left), self.shape(self.right)
        first, second = z.split([math.prod(shape) for shape in shapes], -1)
        return first.reshape(*z.shape[:-1], *shapes[0]), second.reshape(*z.shape[:-1], *shapes[1])

    def product(self, x: Float[Tensor, "b ..."], y: Float[Tensor, "b ..."]) -> Float[Tensor, "b *out"]:
        """Return the value."""
        return torch.einsum(f"B{self.left},B{self.right}->B{self.out}", x, y)

    def pushed(
        self, x: Float[Tensor, "b k ..."], y: Float[Tensor, "b ..."], *, swapped: bool = False
    ) -> Float[Tensor, "b k *out"]:
        """Return the values for k first operands and one second; with `swapped`, for k second ones and one first."""
        first, second = (self.right, self.left) if swapped else (self.left, self.right)
        return torch.einsum(f"BK{first},B{second}->BK{self.out}", x, y)

    def pulled(
        self, rows: Float[Tensor, "r *out"], x: Float[Tensor, "r ..."], y: Float[Tensor, "r ..."]
    ) -> Float[Tensor, "r n"]:
        """Return the rows times the linear map (dx, dy) -> product(dx, y) + product(x, dy)."""
        first = torch.einsum(f"B{self.out},B{self.right}->B{self.left}", rows, y)
        second = torch.einsum(f"B{self.out},B{self.left}->B{self.right}", rows, x)
        return torch.cat([first.reshape(len(rows), -1), second.reshape(len(rows), -1)], 1)

    def every(self, x: Float[Tensor, "b ..."], y: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return all products, before they are summed; the dimensions to sum come last."""
        summed = "".join(sorted(set(self.left) - set(self.out)))
        return torch.einsum(f"B{self.left},B{self.right}->B{self.out}{summed}", x, y)
