"""The processes that train together: one, or as many as `accelerate launch` or `torchrun` started."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from hauberk.kernels.batch_statistics import SharedStatistics


class Team:
    """Shares batches out, example by example in turn, and puts together what became of them.

    Which process has an example changes nothing: noise belongs to examples, losses are means over the whole batch, and
    what is summed over processes is summed in float64.

    Args:
        precision: "no", "bf16" or "fp16": what autocast computes in.
        shared_statistics: whether batch norm sees the batch of all processes.
    """

    def __init__(self, precision: str, *, shared_statistics: bool = False) -> None:
        AcceleratorState._reset_state()  # it would keep the precision of an earlier training in this process
        self.accelerator = Accelerator(mixed_precision=precision)
        self.size, self.rank = self.accelerator.num_processes, self.accelerator.process_index
        self.device = self.accelerator.device
        self.shared_statistics = shared_statistics and self.size > 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.accelerator.is_main_process

    def share(self, rows: Shaped[Tensor, "b *z"]) -> Shaped[Tensor, "mine *z"]:
        """Return what belongs to this process's examples of a batch; nothing where it is smaller than the team."""
        return rows[self.rank :: self.size]

    def total(self, sums: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Return the sums over all processes."""
        return cast(Tensor, self.accelerator.reduce(sums.clone(), reduction="sum"))

    def gathered(self, rows: Shaped[Tensor, "mine *z"]) -> Shaped[Tensor, "b *z"]:
        """Return the rows of the whole batch from the processes' shares."""
        if self.size == 1:
            return rows
        count = torch.tensor([len(rows)], device=self.device)
        counts = cast(Tensor, self.accelerator.gather(count)).tolist()
        padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), *rows.shape[1:])])
        shares = cast(Tensor, self.accelerator.gather(padded.contiguous()))
        shares = shares.view(self.size, max(counts), *rows.shape[1:])
        return shares.transpose(0, 1).flatten(0, 1)[: sum(counts)]

    def part(self, index: Int[Tensor, "b"]) -> tuple[Int[Tensor, "mine"], float]:
        """Return this process's examples of a batch, and the weight of their mean in the mean of all processes'.

        A process without examples takes part in what is exchanged with one that counts nothing.
        """
        mine = self.share(index)
        return (mine if len(mine) else index[:1]), len(mine) * self.size / len(index)

    def statistics(self, weight: float) -> AbstractContextManager[object]:
        """Let batch norm see the batch of all processes, where it shall; examples without weight do not count."""
        if not self.shared_statistics:
            return nullcontext()
        return SharedStatistics(lambda tensor: cast(Tensor, OverProcesses.apply(tensor, float(weight > 0))))

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's tensors."""
        for tensor in tensors:
            broadcast(tensor)

    def wait(self) -> None:
        """Wait for the other processes."""
        self.accelerator.wait_for_everyone()


class OverProcesses(torch.autograd.Function):
    """The sum over processes, each with its weight; gradients are summed with the same weights."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return summed(tensor, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return summed(grad, ctx.weight) * ctx.weight, None


def summed(tensor: Tensor, weight: float) -> Tensor:
    total = tensor * weight
    torch.distributed.all_reduce(total)
    return total
