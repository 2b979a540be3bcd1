"""Updates of all parameters in one operation, where torch can and nothing else was asked."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.identity import stamped
from hauberk.training.checkpoint import OTHERS, load_checkpoint, save_checkpoint
from hauberk.training.optimizers import fuse, optimizer_of
from step_counts import StepCounts

ADAM, ADAMW, SGD = torch.optim.Adam, torch.optim.AdamW, partial(torch.optim.SGD, lr=0.1, momentum=0.9)


def fused_of(make: Callable[..., torch.optim.Optimizer], network: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer as the trainer makes it."""
    optimizer = optimizer_of(make, network.parameters())
    fuse(optimizer, network)
    return optimizer


def trained(make: Callable[..., torch.optim.Optimizer], *, fused: bool) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a network after three steps, and its optimizer."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    optimizer = fused_of(make, network) if fused else make(network.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(4, 5, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
    return network, optimizer


class Odd(nn.Module):
    """A map whose parameter has gaps, is transposed or has its channels last."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        whole = torch.rand(4, 4, 3, 3, dtype=torch.float64)
        orders = {"gaps": whole[:, :, 1:], "transposed": whole.transpose(0, 2)}
        self.weight = nn.Parameter(orders.get(kind, whole.contiguous(memory_format=torch.channels_last)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.weight.sum(3).flatten() * x[:, :1]).sin()


@pytest.mark.parametrize("make", [ADAM, SGD])
@pytest.mark.parametrize("kind", ["gaps", "transposed", "channels last"])
def test_parameters_in_any_order_are_updated_by_their_own_gradients(
    kind: str, make: Callable[..., torch.optim.Optimizer], tmp_path: Path
) -> None:
    found = []
    for fused, interrupted in ((False, False), (True, False), (True, True)):
        torch.manual_seed(0)
        network = Odd(kind)
        optimizer = fused_of(make, network) if fused else make(network.parameters())
        for step in range(4):
            optimizer.zero_grad()
            (network(torch.rand(5, 2, dtype=torch.float64)) ** 2).sum().backward()
            optimizer.step()
            if interrupted and step == 1:
                save_checkpoint(tmp_path, step, stamped({}), network, optimizer, {}, {name: {} for name in OTHERS})
                with torch.random.fork_rng(devices=[]):
                    network = Odd(kind)
                optimizer = fused_of(make, network)
                load_checkpoint(tmp_path, stamped({}), network, optimizer)
        found.append(network.weight.detach())
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(found[2], found[1])


def test_sparse_gradients_are_left_to_updates_that_take_them() -> None:
    network = nn.Embedding(8, 3, sparse=True)
    optimizer = fused_of(SGD, network)
    network(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    assert not optimizer.param_groups[0]["fused"]


def operations(optimizer: torch.optim.Optimizer) -> Counter[str]:
    """Return the operations of a step."""
    with StepCounts() as counts:
        optimizer.step()
    return counts.operations


@pytest.mark.parametrize("make", [ADAM, partial(ADAM, amsgrad=True, weight_decay=0.1), ADAMW, SGD])
def test_the_update_is_torchs_in_few_operations(make: Callable[..., torch.optim.Optimizer]) -> None:
    (network, optimizer), (expected, other) = trained(make, fused=True), trained(make, fused=False)
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert operations(optimizer).total() <= 2 < operations(other).total()


@pytest.mark.parametrize(
    "make",
    [partial(ADAM, foreach=True), partial(ADAM, fused=False), torch.optim.RMSprop],
)
def test_other_choices_stay(make: Callable[..., torch.optim.Optimizer]) -> None:
    (_, optimizer), (_, other) = trained(make, fused=True), trained(make, fused=False)
    assert operations(optimizer) == operations(other)
