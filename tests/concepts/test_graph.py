import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.affine import Diagonal
from hauberk.layers import Normalize


class Shared(nn.Module):
    """A convolution whose result is read twice: it must not be merged with the batch norm behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm, self.last = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Linear(48, 4)

    def forward(self, x):
        y = self.convolution(x)
        return self.last((torch.relu(self.norm(y)) + y).flatten(1))


def normalised(*layers: nn.Module) -> nn.Module:
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return nn.Sequential(*layers)


NETWORKS = {
    "convolution, no bias": (
        lambda: normalised(
            nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)
        ),
        0,
    ),
    "linear, bias": (
        lambda: normalised(nn.Flatten(), nn.Linear(72, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)),
        0,
    ),
    "normalised input": (lambda: normalised(Normalize([0.5, 0.4], [0.2, 0.3]), nn.Flatten(), nn.Linear(72, 4)), 2),
    "read twice": (Shared, 1),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_folding_changes_no_value(case: str):
    torch.manual_seed(0)
    make, left = NETWORKS[case]
    network = make().double().eval()
    x = torch.rand(5, 2, 6, 6, dtype=torch.float64)
    folded = capture(network, x).frozen().folded()
    torch.testing.assert_close(folded(x), network(x), rtol=1e-12, atol=1e-12)
    assert sum(isinstance(node.op, Diagonal) for node in folded.nodes) == left
    assert [tuple(value.shape[1:]) for value in folded.values(x)] == list(folded.shapes)


def test_lines_take_in_diagonal_values_and_the_first_that_mixes_if_nothing_else_reads_them():
    x = torch.rand(2, 72)
    graph = capture(nn.Sequential(nn.Linear(72, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)).eval(), x).frozen()
    relu = next(i for i, node in enumerate(graph.nodes, start=1) if type(node.op).__name__ == "ReLU")
    assert graph.merged(relu) == (relu - 1, relu - 2)
    shared = capture(Shared().eval(), x.view(2, 2, 6, 6)).frozen()
    relu = next(i for i, node in enumerate(shared.nodes, start=1) if type(node.op).__name__ == "ReLU")
    assert shared.merged(relu) == (relu - 1,)
