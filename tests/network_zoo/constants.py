"""Networks whose weights are computed from parameters and buffers."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune


class Computed(nn.Module):
    """A hidden layer, then a function of what it computes and of some tensors."""

    def __init__(self, function: Callable[["Computed", Tensor], Tensor]):
        super().__init__()
        self.function = function
        self.hidden, self.last = nn.Linear(6, 6), nn.Linear(6, 3)
        self.a, self.b = nn.Parameter(torch.randn(6, 6) / 3), nn.Parameter(torch.randn(6))
        self.token = nn.Parameter(torch.randn(1, 6))
        self.register_buffer("counts", torch.tensor([3, 1, 2, 0, 1, 2]))
        self.register_buffer("kept", torch.tensor([True, True, False, True, False, True]))
        self.register_buffer("table", torch.randn(6), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self, F.relu(self.hidden(x))))


def masked(m: Computed, z: Tensor) -> Tensor:
    mask = torch.ones(6)
    mask[2:4] = 0
    mask[0] *= 2
    return z * mask


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.linear(F.relu(self.layer(x)), self.layer.weight.t()))


class Positive(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return F.softplus(weight)


def of(layer: Callable[[], nn.Module]) -> Callable[[], tuple[nn.Module, Tensor]]:
    """Build two layers of a kind, with a ReLU between them."""
    return lambda: (nn.Sequential(layer(), nn.ReLU(), layer(), nn.Linear(6, 3)).eval(), torch.rand(2, 6))


def by(function: Callable[[Computed, Tensor], Tensor]) -> Callable[[], tuple[nn.Module, Tensor]]:
    return lambda: (Computed(function).eval(), torch.rand(2, 6))


def parametrized(kind: Callable[[nn.Module], nn.Module], layer: Callable[[], nn.Module] = lambda: nn.Linear(6, 6)):
    return of(lambda: kind(layer()))


def pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


def positive(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Positive())
    return layer


def shared() -> tuple[nn.Module, Tensor]:
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(6, 3)).eval(), torch.rand(2, 6)


def convolution(kind: Callable[[nn.Module], nn.Module]) -> Callable[[], tuple[nn.Module, Tensor]]:
    def build() -> tuple[nn.Module, Tensor]:
        network = nn.Sequential(kind(nn.Conv2d(1, 2, 3)), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
        return network.eval(), torch.rand(2, 1, 4, 4)

    return build


NETWORKS = {
    "weight norm": parametrized(parametrizations.weight_norm),
    "old weight norm": parametrized(nn.utils.weight_norm),
    "weight norm of a convolution": convolution(parametrizations.weight_norm),
    "spectral norm": parametrized(parametrizations.spectral_norm),
    "old spectral norm": parametrized(nn.utils.spectral_norm),
    "spectral norm of a convolution": convolution(parametrizations.spectral_norm),
    "orthogonal": parametrized(parametrizations.orthogonal),
    "orthogonal by Cayley": parametrized(lambda layer: parametrizations.orthogonal(layer, orthogonal_map="cayley")),
    "pruned": parametrized(pruned),
    "positive weights": parametrized(positive),
    "tied": lambda: (Tied().eval(), torch.rand(2, 6)),
    "a shared layer": shared,
    "transposed": by(lambda m, z: z @ m.a.t()),
    "a product of parameters": by(lambda m, z: z @ (m.a @ m.a.mT)),
    "signs of weights": by(lambda m, z: F.linear(z, m.a.sign(), m.b)),
    "a quotient": by(lambda m, z: z / (m.b.square() + 1)),
    "an element": by(lambda m, z: z * m.b[0] + m.hidden.bias[1]),
    "a number": by(lambda m, z: z * m.b[0].item()),
    "slices": by(lambda m, z: F.linear(z, m.a[:, ::1].flip(0), m.b[None, :][0])),
    "factories": by(lambda m, z: z * torch.arange(6) + torch.linspace(0, 1, 6) - torch.full_like(m.b, 0.5)),
    "an identity matrix": by(lambda m, z: z @ (torch.eye(6) - m.a / 2)),
    "integers": by(lambda m, z: z * m.counts - m.counts.float()),
    "booleans": by(lambda m, z: z * m.kept + m.b.where(m.kept, torch.zeros(()))),
    "a buffer left out of the state": by(lambda m, z: z + m.table.abs()),
    "a QR decomposition": by(lambda m, z: z @ torch.linalg.qr(m.a)[0]),
    "unbound rows": by(lambda m, z: z + sum(m.a.unbind(0))),
    "a stack of parameters": by(lambda m, z: z @ torch.stack([m.b, m.b.cumsum(0)]).mT @ torch.ones(2, 6)),
    "softmax of weights": by(lambda m, z: z @ m.a.softmax(1)),
    "an einsum of weights": by(lambda m, z: z @ torch.einsum("ij,jk->ik", m.a, m.a)),
    "a mask made on the spot": by(masked),
    "a token for every example": by(lambda m, z: z + m.token.expand(z.shape[0], -1)),
    "zeros for every example": by(lambda m, z: torch.cat([z, torch.zeros(z.shape[0], 6)], 1)[:, :6]),
    "ones like an activation": by(lambda m, z: z - torch.ones_like(z) * m.b),
    "new constants": by(lambda m, z: z + z.new_ones(6) * z.new_tensor([1.0, 2, 3, 4, 5, 6])),
    "a place in the batch": by(lambda m, z: z + torch.arange(z.shape[0])[:, None]),
    "sums over the batch's constants": by(lambda m, z: z + m.token.expand(z.shape[0], -1).cumsum(0)),
    "random numbers": by(lambda m, z: z + torch.rand(6)),
    "a size that depends on values": by(lambda m, z: z + m.b[m.b > 0].sum()),
}
