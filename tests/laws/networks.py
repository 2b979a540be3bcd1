"""Small networks that between them use every operator, with weights drawn anew for every test."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hauberk.capture import capture
from hauberk.concepts.graph import Graph
from hauberk.layers import LpDistance, LpDistance2d, MeanShift, SortDistance

SHAPE = (1, 4, 4)
CLASSES = 4


class Residual(nn.Module):
    """Two skips, one of them with a convolution, and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.skip = nn.Conv2d(3, 3, 1)
        self.last = nn.Linear(48, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm(self.first(x)))
        h = F.relu(self.skip(h) + self.second(h))
        return self.last((h - 0.5 * F.relu(self.second(h))).flatten(1))


class Reordered(nn.Module):
    """Reshapes, permutations, arithmetic with constants, a ReLU next to the input, a skip around everything."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.outer = nn.Linear(16, 6)
        self.around = nn.Linear(16, CLASSES)
        self.last = nn.Linear(6, CLASSES)
        self.scale = nn.Parameter(torch.ones(4))
        self.drop = nn.Dropout(0.3)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(x - 0.3) * 2 - x / 3
        h = (1 - h).squeeze(1).transpose(1, 2)
        h = F.relu(self.inner(h) * self.scale + 0.1)
        h = F.relu(self.norm(self.outer(self.drop(h.permute(0, 2, 1).reshape(-1, 16)))))
        return self.last(h) - self.around(x.flatten(1))


class Structured(nn.Module):
    """Concatenation, slices, padding, matrix products, a transposed convolution and adaptive pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.ones(1, 1, 4, 4))
        self.rise = nn.ConvTranspose2d(2, 2, 2, stride=2, output_padding=1)
        self.mix = nn.Parameter(torch.ones(3, 7))
        self.blend = nn.Parameter(torch.ones(5, 2))
        self.last = nn.Linear(29, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        token = self.token.expand(x.shape[0], -1, -1, -1)
        h = F.relu(self.rise(torch.cat([x, token], 1)[:, :, ::2, 1:3]))
        h = F.pad(F.pad(h, (1, 0, -1, 2), value=0.25)[:, :, :5], (0, 0, 1, 1), mode="reflect")
        h = F.relu(F.adaptive_avg_pool2d(self.mix @ h, (3, 5)) @ self.blend)
        h = torch.stack([h, F.interpolate(h[..., :1].flatten(2), scale_factor=2).unflatten(2, (3, 2))], 1)
        return self.last(torch.cat([h.flatten(1), x.mean((1, 2)), x.sum((2, 3))], 1))


def dense() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, CLASSES))


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, groups=2, bias=False),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(4, CLASSES),
    )


def pooled() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.Conv2d(3, 3, 2, padding=1, dilation=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(3, CLASSES),
    )


def max_pooled() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.MaxPool2d(3, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(3, 5, 1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(5, CLASSES),
    )


def distances() -> nn.Module:
    """l_inf-distance neurons between layers of other kinds, a convolution of them, and units of SortNet."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1),
        LpDistance2d(3, 4, 2, padding=1, identity=None),
        MeanShift(4),
        nn.Flatten(),
        nn.Linear(36, 6),
        nn.ReLU(),
        SortDistance(6, 7, keep=0.6, terms=3, identity=None),
        LpDistance(7, CLASSES, bias=True, identity=None),
    )


def two_convolutions() -> nn.Module:
    """Two convolutions with nothing between them, strides that stop short of the edge, windows that leave the map."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(2, 5, 3, padding=1),
        nn.Conv2d(5, 3, 2, stride=4, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(12, CLASSES),
    )


class Smooth(nn.Module):
    """Activations other than ReLU: S-shaped, gated, softened, clamped; one next to the input, one on a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, stride=2, padding=1)
        self.second = nn.Linear(12, 7)
        self.third = nn.Linear(7, 7)
        self.last = nn.Linear(7, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = F.gelu(self.first(F.hardtanh(x, 0.1, 0.9)))
        h = F.silu(torch.sigmoid(h).flatten(1) - F.leaky_relu(h, 0.2).flatten(1))
        h = torch.tanh(self.second(h))
        return self.last(F.softplus(self.third(h), 3.0) + h.abs())


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES))


BUILDERS = {
    "two convolutions": two_convolutions,
    "max pooled": max_pooled,
    "dense": dense,
    "convolutional": convolutional,
    "pooled": pooled,
    "residual": Residual,
    "reordered": Reordered,
    "structured": Structured,
    "smooth": Smooth,
    "distances": distances,
}


@lru_cache
def captured(name: str, dtype: torch.dtype = torch.float64) -> Graph:
    module = (BUILDERS | {"linear": linear})[name]().to(dtype).eval()
    return capture(module, torch.rand(2, *SHAPE, dtype=dtype))


def network(name: str, seed: int, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> Graph:
    """Return a network in eval mode with random parameters and running statistics: a graph reads the live ones."""
    graph = captured(name, dtype)
    randomize(graph.module, torch.Generator().manual_seed(seed), scale)
    return graph


def randomize(module: nn.Module, generator: torch.Generator, scale: float = 1.0) -> None:
    module.eval()
    module.zero_grad()
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(drawn * scale / math.sqrt(fan_in) if parameter.ndim > 1 else drawn * 0.5)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.3 * torch.randn(buffer.shape, generator=generator, dtype=torch.float64))
            elif name.endswith("running_var"):
                buffer.copy_(0.3 + torch.rand(buffer.shape, generator=generator, dtype=torch.float64))


def images(examples: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return inputs in [0, 1], some of them on the border."""
    x = torch.rand(examples, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (1.4 * x - 0.2).clamp(0, 1).to(dtype)


def labels(examples: int, seed: int) -> Tensor:
    return torch.randint(CLASSES, (examples,), generator=torch.Generator().manual_seed(seed))
