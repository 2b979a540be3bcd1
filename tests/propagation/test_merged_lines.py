"""Lines that take in batch norms of both signs: no rounding may take a bound above what the network computes."""

import copy

import pytest
import torch
from torch import Tensor, nn

from hauberk.bounds import BackwardLinear, DualNetwork
from hauberk.capture import capture
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.threats import LinfBall
from longer import mostly_later

BOUNDERS = {"CROWN": BackwardLinear(), "parallel": BackwardLinear(slopes=Parallel()), "dual": DualNetwork()}
WIDTH, CLASSES, EXAMPLES = 5, 3, 24


class Dense(nn.Module):
    """Chains of batch norms between linear layers and activation functions, with a way around."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, WIDTH), nn.Linear(WIDTH, CLASSES)
        self.inner = nn.Linear(WIDTH, WIDTH, bias=False)
        self.norms = nn.Sequential(*(nn.BatchNorm1d(WIDTH) for _ in range(3)))
        self.norm = nn.BatchNorm1d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norms(self.first(x)))
        return self.last(torch.relu(self.norm(self.inner(h)) - h))


def convolutional() -> nn.Sequential:
    """Return two convolutions, strided and dilated, each before batch norms."""
    return nn.Sequential(
        *(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.ReLU()),
        *(nn.Conv2d(3, 2, 3, padding=2, dilation=2), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten()),
        nn.Linear(18, CLASSES),
    )


def drawn(network: nn.Module, generator: torch.Generator) -> None:
    """Fill a network with numbers of both signs and many sizes; running means cancel what they are taken from."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(generator=generator)
            if torch.rand((), generator=generator) < 0.4:
                parameter.mul_(torch.randn(parameter.shape, generator=generator).mul(3).exp())
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                size = 10.0 ** int(torch.randint(-3, 7, (), generator=generator))
                part.running_mean.normal_(generator=generator).mul_(size)
                part.running_var.uniform_(1e-6, 4, generator=generator)
                part.bias.copy_(part.running_mean * part.weight / (part.running_var + part.eps).sqrt())


@pytest.mark.parametrize("seed", mostly_later(range(40), 12))
@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_no_bound_lies_above_what_the_network_computes(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    network, shape = (Dense(), (4,)) if name == "dense" else (convolutional(), (1, 6, 6))
    graph = capture(network.eval(), torch.rand(2, *shape))
    drawn(network, generator)
    exact, x = copy.deepcopy(network).double(), torch.rand(EXAMPLES, *shape, generator=generator)
    spec = LinearSpec.margins(torch.arange(EXAMPLES) % CLASSES, CLASSES)
    for eps in (0.0, 1e-7, 1e-4):
        S = LinfBall(eps, None).at(x)
        box = S.bounding_box()
        for bounder in BOUNDERS.values():
            lower = bounder(graph.frozen(), S, spec).lower.double()
            for z in (x, box.lower, box.upper):
                for run in (network, exact):
                    with torch.no_grad():
                        logits = run(z.to(next(run.parameters()).dtype)).double()
                    reached = torch.einsum("bkc,bc->bk", spec.rows.double(), logits)
                    assert not (lower > reached).any()
