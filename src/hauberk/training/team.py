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
from torch import Tensor, nn

from hauberk.kernels.batch_statistics import SharedStatistics
from hauberk.kernels.layout import lay_out


class Team:
    """The processes that share each batch, dealt out example by example, and combine their results.

    It does not matter which process has an example: noise belongs to examples, losses are means over the whole batch,
    and sums over processes are taken in float64.

    Args:
        precision: precision of autocast: "bf16" or "fp16"; "no" or "tf32" for none.
        shared_statistics: True if batch norm should see the batch of all processes.
    """

    def __init__(self, precision: str, *, shared_statistics: bool = False) -> None:
        AcceleratorState._reset_state()  # it would keep the precision of an earlier run in this process
        self.accelerator = Accelerator(mixed_precision="no" if precision == "tf32" else precision)
        self.size, self.rank = self.accelerator.num_processes, self.accelerator.process_index
        self.device = self.accelerator.device
        self.shared_statistics = shared_statistics and self.size > 1
        self.channels_last = precision in ("bf16", "fp16") and self.device.type != "cpu"

    @property
    def first(self) -> bool:
        """True in the process that writes files."""
        return self.accelerator.is_main_process

    def placed(self, network: nn.Module) -> nn.Module:
        """Return the network, moved to the device; in half precision, its convolutions keep their channels last.

        So do their results then, as the products of half precision take them without a copy.
        """
        network = network.to(self.device)
        self.changed = lay_out(network, torch.channels_last) if self.channels_last else []
        return network

    def release(self) -> None:
        """Leave the network's kernels as they lay before."""
        for module in self.changed:
            lay_out(module, torch.contiguous_format)

    def share(self, rows: Shaped[Tensor, "b *z"]) -> Shaped[Tensor, "mine *z"]:
        """Return the rows of this process's examples of a batch, none if the batch has too few for it."""
        return rows[self.rank :: self.size]

    def total(self, sums: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Return the sums over all processes."""
        return cast(Tensor, self.accelerator.reduce(sums.clone(), reduction="sum"))

    def gathered(self, rows: Shaped[Tensor, "mine *z"]) -> Shaped[Tensor, "b *z"]:
        """Return the rows of the whole batch, from the processes' shares."""
        if self.size == 1:
            return rows
        count = torch.tensor([len(rows)], device=self.device)
        counts = cast(Tensor, self.accelerator.gather(count)).tolist()
        padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), *rows.shape[1:])])
        shares = cast(Tensor, self.accelerator.gather(padded.contiguous()))
        shares = shares.view(self.size, max(counts), *rows.shape[1:])
        return shares.transpose(0, 1).flatten(0, 1)[: sum(counts)]

    def part(self, index: Int[Tensor, "b"]) -> tuple[Int[Tensor, "mine"], float]:
        """Return this process's examples of a batch, and the weight of their mean in the mean over all processes.

        A process without examples takes part in the exchange with one of weight 0.
        """
        mine = self.share(index)
        return (mine if len(mine) else index[:1]), len(mine) * self.size / len(index)

    def statistics(self, weight: float) -> AbstractContextManager[object]:
        """Let batch norm see the batch of all processes, if enabled; examples without weight do not count."""
        if not self.shared_statistics:
            return nullcontext()
        return SharedStatistics(lambda tensor: cast(Tensor, OverProcesses.apply(tensor, float(weight > 0))))

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite the tensors of every process with those of the first."""
        for tensor in tensors:
            broadcast(tensor)

    def wait(self) -> None:
        """Wait for the other processes."""
        self.accelerator.wait_for_everyone()


class OverProcesses(torch.autograd.Function):
    """The weighted sum over processes; gradients are summed with the same weights."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return summed(tensor, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return summed(grad, ctx.weight) * ctx.weight, None


def summed(tensor: Tensor, weight: float) -> Tensor:
    """Return the weighted sum of a tensor over processes."""
    total = tensor * weight
    torch.distributed.all_reduce(total)
    return total
