"""Tensors that persist from one batch to the next."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import nan

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.kernels.packed_state import pack, unpack

OfRows = Callable[[Tensor], Tensor]
"""A map from the rows of one process to those of the whole batch, or back."""


class Remembered(ABC):
    """A tensor that persists from one batch to the next; a training run saves it in its checkpoints."""

    def __init__(self) -> None:
        self.rows: Tensor | None = None

    def identified_by(self) -> str:
        """Return what stands for it in an experiment's identity: what is remembered is no part of that."""
        return "the memory of a training run"

    @abstractmethod
    def exchange(self, gathered: OfRows) -> None:
        """Learn, after a step, what the other processes have kept; all of them must call it."""

    @abstractmethod
    def whole(self, gathered: OfRows) -> Tensor | None:
        """Return what all processes remember together; None before the first batch."""

    @abstractmethod
    def restore(self, rows: Tensor, share: OfRows) -> None:
        """Remember this process's share of the whole."""


class Memory(Remembered):
    """One row per position in a batch, the first for its first example."""

    def recall(self, like: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"] | None:
        """Return the rows for a batch of this shape; None if they do not fit, as before the first batch."""
        if self.rows is None or self.rows.shape[1:] != like.shape[1:] or len(self.rows) < len(like):
            return None
        return self.rows[: len(like)].to(like)

    def keep(self, rows: Float[Tensor, "b *z"]) -> None:
        """Replace the first rows; later ones stay, for the next batch of full size."""
        rows = rows.detach()
        behind = self.rows[len(rows) :] if self.recall(rows) is not None and self.rows is not None else rows[:0]
        self.rows = torch.cat([rows, behind.to(rows)]) if len(behind) else rows

    def exchange(self, gathered: OfRows) -> None:
        """Do nothing: each process has its own positions."""

    def whole(self, gathered: OfRows) -> Tensor | None:
        return None if self.rows is None else gathered(self.rows)

    def restore(self, rows: Tensor, share: OfRows) -> None:
        self.rows = share(rows)


class ExampleMemory(Remembered):
    """One number per training example, from whichever process saw it last; NaN if none has seen it."""

    def __init__(self) -> None:
        super().__init__()
        self.news: tuple[Tensor, Tensor] | None = None
        """Examples and numbers not yet sent to the other processes."""

    def recall(self, examples: Int[Tensor, "b"], unseen: float) -> Float[Tensor, "b"]:
        """Return the numbers of the examples with these indices; `unseen` where there is none yet."""
        if self.rows is None:
            self.rows = torch.empty(0, device=examples.device)
        padded = torch.cat([self.rows, self.rows.new_full((1,), nan)])
        numbers = padded[examples.clamp(max=len(self.rows))].nan_to_num(unseen)
        self.news = examples[:0], numbers[:0]
        return numbers

    def keep(self, examples: Int[Tensor, "b"], numbers: Float[Tensor, "b"]) -> None:
        """Replace the numbers of some examples; `recall` must have been called before."""
        self.news = examples, numbers.detach().float()
        self.write(*self.news)

    def write(self, examples: Int[Tensor, "b"], numbers: Float[Tensor, "b"]) -> None:
        """Store the numbers, making room for new examples."""
        rows = numbers[:0] if self.rows is None else self.rows
        missing = int(examples.max()) + 1 - len(rows)
        self.rows = torch.cat([rows, rows.new_full((max(missing, 0),), nan)])
        self.rows[examples] = numbers

    def exchange(self, gathered: OfRows) -> None:
        if self.news is not None:
            self.write(*map(gathered, self.news))
            self.news = None

    def whole(self, gathered: OfRows) -> Tensor | None:
        return self.rows

    def restore(self, rows: Tensor, share: OfRows) -> None:
        self.rows = rows


class FrozenWeights(Remembered):
    """A network's weights as they were when a timestep began, the same in all processes."""

    timestep = -1
    """The number of that timestep; without meaning before the first."""

    def keep(self, module: nn.Module, timestep: int) -> None:
        """Copy the weights of a network."""
        packed = pack(module)
        number = torch.full((1,), timestep, dtype=torch.int64, device=packed.device).view(torch.uint8)
        self.rows, self.timestep = torch.cat([packed, number]), timestep

    def state(self, module: nn.Module) -> dict[str, Tensor]:
        """Return the weights by their names in a network of the same structure; none before the first timestep."""
        return {} if self.rows is None else unpack(self.rows[:-8], module)

    def exchange(self, gathered: OfRows) -> None:
        """Do nothing: the processes have the same weights."""

    def whole(self, gathered: OfRows) -> Tensor | None:
        return self.rows

    def restore(self, rows: Tensor, share: OfRows) -> None:
        self.rows = rows.clone()  # a file's bytes may begin anywhere
        self.timestep = int(rows[-8:].clone().view(torch.int64))
