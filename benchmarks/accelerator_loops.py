"""What benchmarks/accelerator.py is compared with: training steps, an attack and interval bounds in plain torch.

Each is what one writes for a single network: no noise beyond what it uses, no records, no checks. A step fetches its
batch from bytes on the device, as a trainer does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Loss = Callable[["Loop", Tensor, Tensor], Tensor]
"""A training loss of the loop's network at inputs and labels."""


@dataclass(frozen=True)
class Loop:
    """A training loop.

    Args:
        network: a network of torch's own layers, trained in place.
        data: images as bytes.
        labels: their labels.
        eps: the radius of the l_inf ball.
        loss: what a step minimises.
        precision: None for float32, or that of autocast.
    """

    network: nn.Module
    data: Tensor
    labels: Tensor
    eps: float
    loss: Loss
    precision: torch.dtype | None = None

    def steps(self) -> Callable[[], None]:
        """Return a function that takes one step on the whole of the data."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        in_groups(optimizer)
        order = torch.randperm(len(self.data)).to(self.data.device)
        scaler = torch.amp.GradScaler(self.data.device.type, enabled=self.precision == torch.float16)
        self.network.train()

        def step() -> None:
            x, y = self.data[order].float() / 255, self.labels[order]
            with torch.autocast(x.device.type, self.precision, enabled=self.precision is not None):
                loss = self.loss(self, x, y)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

        return step


def in_groups(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimizer update all tensors of a group at once, as on a GPU, on a CPU as well."""
    for group in optimizer.param_groups:
        group["foreach"] = not group.get("fused")


def natural(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of clean examples."""
    return F.cross_entropy(loop.network(x), y)


def fgsm(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss after one step from a random start."""
    return F.cross_entropy(loop.network(climbed(loop.network, x, y, loop.eps, 1, 1.25)), y)


def pgd(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss after seven steps from a random start."""
    return F.cross_entropy(loop.network(climbed(loop.network, x, y, loop.eps, 7, 0.25)), y)


def climbed(network: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, size: float) -> Tensor:
    """Return the points that steps of size * eps along the gradient's signs lead to, from random ones."""
    low, high = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    z = low + torch.rand_like(x) * (high - low)
    for _ in range(steps):
        z.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(z), y), z)
        z = torch.clamp(z.detach() + size * eps * gradient.sign(), low, high)
    return z


def attacked(network: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, restarts: int) -> Tensor:
    """Return the last points of PGD, of the first restart that broke an example."""
    answer = x
    broken = torch.zeros_like(y, dtype=torch.bool)
    for _ in range(restarts):
        z = climbed(network, x, y, eps, steps, 1 / 30)
        with torch.no_grad():
            now = network(z).argmax(1) != y
        answer = torch.where((now & ~broken)[:, None, None, None], z, answer)
        broken = broken | now
    return answer


def interval(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of the worst logits by intervals, batch norms taking a clean pass's statistics."""
    *hidden, last = loop.network.children()
    normed = any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in hidden)
    low, high, clean = (x - loop.eps).clamp(min=0), (x + loop.eps).clamp(max=1), x
    center, radius = (low + high) / 2, (high - low) / 2
    for layer in hidden:
        if isinstance(layer, nn.Conv2d):
            center, radius = layer(center), F.conv2d(radius, layer.weight.abs(), None, layer.stride, layer.padding)
        elif isinstance(layer, nn.Linear):
            center, radius = layer(center), F.linear(radius, layer.weight.abs())
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            shape = (1, -1) + (1,) * (clean.ndim - 2)
            axes = [axis for axis in range(clean.ndim) if axis != 1]
            variance, mean = torch.var_mean(clean, axes, correction=0)
            scale = layer.weight * torch.rsqrt(variance + layer.eps)
            center = center * scale.view(shape) + (layer.bias - mean * scale).view(shape)
            radius = radius * scale.abs().view(shape)
        elif isinstance(layer, nn.ReLU):
            low, high = F.relu(center - radius), F.relu(center + radius)
            center, radius = (low + high) / 2, (high - low) / 2
        else:
            center, radius = layer(center), layer(radius)
        clean = layer(clean) if normed else clean
    assert isinstance(last, nn.Linear)
    rows = last.weight[y].unsqueeze(1) - last.weight  # the margins over all classes at once; 0 over the label itself
    lower = torch.bmm(rows, center.unsqueeze(2)) - torch.bmm(rows.abs(), radius.unsqueeze(2))
    return F.cross_entropy(last.bias - last.bias[y].unsqueeze(1) - lower.squeeze(2), y)
