"""Linear classifiers, and the distances of inputs from their borders within the range of valid inputs."""

import torch
from torch import nn

from hauberk.concepts.noise import Noise

DTYPE = torch.float64
B, PIXELS, SHAPE = 12, 48, (1, 6, 8)


def noise(examples=B):
    return Noise.of(0, torch.arange(examples))


def classifier(classes=2, seed=0, dtype=DTYPE):
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, classes, dtype=dtype))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=DTYPE) / 7)
    return module


def centred(seed=0, spread=0.02, dtype=DTYPE):
    """Inputs near the middle of the range, which the nearest points in l_2 and l_inf then do not touch."""
    drawn = torch.randn(B, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    return (0.5 + spread * drawn).clamp(0, 1).to(dtype)


def true_distance(module, S, y):
    """Return the distance of the nearest misclassified valid input: bisection over the exact support function."""
    weight, bias = module[1].weight.detach(), module[1].bias.detach()
    ascent = (weight[None] - weight[y][:, None]).unflatten(2, SHAPE)
    low, high = torch.zeros(len(y), dtype=DTYPE), torch.full((len(y),), float(PIXELS), dtype=DTYPE)
    for _ in range(50):
        middle = (low + high) / 2
        lead = S.resized(middle).support_function(ascent) + bias - bias[y][:, None]
        broken = (lead.scatter(1, y[:, None], -1.0) >= 0).any(1)
        low, high = torch.where(broken, low, middle), torch.where(broken, middle, high)
    return high


def excess(attack, module, threat, x, y=None):
    """Return by which share each answer is farther than the nearest misclassified input; all are misclassified."""
    y = module(x).argmax(1) if y is None else y
    S = threat.at(x)
    z = attack(module, S, y, noise=noise(len(x)))
    assert (module(z).argmax(1) != y).all()
    assert threat.within is None or ((z >= threat.within[0]) & (z <= threat.within[1])).all()
    return S.distance(z) / true_distance(module, S, y) - 1


def flat(x):
    """A network with a zero gradient everywhere: the first of three classes always wins."""
    return x.flatten(1) @ torch.zeros(x[0].numel(), 3, dtype=x.dtype) + torch.tensor([1.0, 0.0, 0.0], dtype=x.dtype)
