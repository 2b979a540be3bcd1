"""Updates of all parameters in one operation, where torch can and nothing else was asked."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from hauberk.training.optimizers import optimizer_of
from step_counts import StepCounts

ADAM, ADAMW, SGD = torch.optim.Adam, torch.optim.AdamW, partial(torch.optim.SGD, lr=0.1, momentum=0.9)


def trained(make: Callable[..., torch.optim.Optimizer], *, fused: bool) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a network after three steps, and its optimizer."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    optimizer = optimizer_of(make, network.parameters()) if fused else make(network.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.rand(4, 5, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
    return network, optimizer


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
