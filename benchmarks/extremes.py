"""Networks for `soundness.py`: at the ends of the number range, and of small integers with exact minima."""

import itertools
import math
from fractions import Fraction

import torch
from torch import Tensor, nn

WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


class Pooled(nn.Module):
    """A network with a negative divisor, a negative factor, and constants that cancel."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.avg_pool2d(self.first(x), 2, divisor_override=-3)
        h = -2.5 * torch.relu(h) + 100.0
        return self.last((h - 100.0).flatten(1))


def rescaled(module: nn.Module, generator: torch.Generator, dtype: torch.dtype) -> None:
    """Multiply every layer so that hidden values reach the ends of the range, and logits are ordinary again."""
    most = 28 if dtype == torch.float32 else 200
    layers = [part for part in module.modules() if isinstance(part, WEIGHTED)]
    reached = 0.0
    for number, layer in enumerate(layers):
        goal = 0.0 if number == len(layers) - 1 else (2 * torch.rand((), generator=generator).item() - 1.4) * most
        step = min(max(goal - reached, -1.25 * most), 1.25 * most)
        reached += step
        with torch.no_grad():
            layer.weight.mul_(10.0**step)
            if layer.bias is not None:
                layer.bias.mul_(10.0**reached)


def cancelling(module: nn.Module, generator: torch.Generator) -> None:
    """Give every batch norm a mean that its bias takes away again, both far larger than what is left."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            with torch.no_grad():
                part.running_mean.copy_(10 ** (6 * torch.rand(part.running_mean.shape, generator=generator)))
                part.bias.copy_(part.running_mean * part.weight / (part.running_var + part.eps).sqrt())


class Integers(nn.Module):
    """Two inputs, four hidden ReLUs and two logits, with integers from -3 to 3 as parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 4), nn.Linear(4, 2)

    def draw(self, generator: torch.Generator) -> None:
        """Draw all parameters anew."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randint(-3, 4, parameter.shape, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))

    def margin(self, x: tuple[Fraction, Fraction]) -> Fraction:
        """Return the first logit minus the second, without rounding."""
        weights, biases = self.first.weight.tolist(), self.first.bias.tolist()
        pairs = [self.last.weight[0] - self.last.weight[1], self.last.bias[0] - self.last.bias[1]]
        factors, constant = pairs[0].tolist(), Fraction(pairs[1].item())
        hidden = [
            max(Fraction(w) * x[0] + Fraction(v) * x[1] + Fraction(b), Fraction(0))
            for (w, v), b in zip(weights, biases, strict=True)
        ]
        return sum((Fraction(f) * h for f, h in zip(factors, hidden, strict=True)), constant)

    def least(self, lower: list[float], upper: list[float]) -> Fraction:
        """Return the smallest margin on a box: that of a point where two of its sides and the ReLUs' lines cross."""
        sides = [(Fraction(i == 0), Fraction(i == 1), -Fraction(end[i])) for end in (lower, upper) for i in (0, 1)]
        lines = [
            (Fraction(w), Fraction(v), Fraction(b))
            for (w, v), b in zip(self.first.weight.tolist(), self.first.bias.tolist(), strict=True)
        ]
        points = (crossing(one, other) for one, other in itertools.combinations([*sides, *lines], 2))
        within = [
            point
            for point in points
            if point
            and all(Fraction(low) <= p <= Fraction(high) for p, low, high in zip(point, lower, upper, strict=True))
        ]
        return min(self.margin(point) for point in within)


Line = tuple[Fraction, Fraction, Fraction]


def crossing(one: Line, other: Line) -> tuple[Fraction, Fraction] | None:
    """Return the point on both lines a x + b y + c = 0; None if they are parallel."""
    determinant = one[0] * other[1] - one[1] * other[0]
    if not determinant:
        return None
    return (
        (one[1] * other[2] - other[1] * one[2]) / determinant,
        (other[0] * one[2] - one[0] * other[2]) / determinant,
    )


def eighths(generator: torch.Generator, dtype: torch.dtype) -> tuple[Tensor, float]:
    """Return an input and a radius that are multiples of 1/8."""
    x = torch.randint(-16, 17, (1, 2), generator=generator).to(dtype) / 8
    return x, int(torch.randint(0, 9, (), generator=generator)) / 8


def agrees(lower: float, least: Fraction, exact: bool, tolerance: float) -> bool:
    """Return True if a bound is none of more than the minimum and, where it claims to be exact, hardly less."""
    if math.isnan(lower) or lower > least:
        return False
    return not exact or float(least) - lower <= tolerance * (1 + abs(float(least)))
