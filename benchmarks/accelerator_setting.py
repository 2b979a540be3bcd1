"""Where benchmarks/accelerator.py runs, and its networks and images: recorded or generated, always the same."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from hauberk.architectures import CNN7, PreActResNet18, Small, WideResNet
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import FrozenGraph
from hauberk.datasets import MNIST, Generated
from hauberk.errors import HauberkError

RESULTS = Path(__file__).parents[1] / "results"
RECORDED = {"by PGD": "2026-11-21_attacks/network", "robust": "2026-11-21_mnist-projected/network"}
"""Networks trained against attacks of radius 0.3, and by random projections for radius 0.1; the bounds are at 0.1."""


@dataclass(frozen=True)
class Setting:
    """Where and how large.

    Args:
        device: where everything lies.
        tiny: True for the smallest networks and batches.
        seed: seeds weights, data and noise.
    """

    device: torch.device
    tiny: bool
    seed: int

    def batch(self, size: int) -> int:
        """Return the number of examples in place of `size`."""
        return max(2, size // 64) if self.tiny else size

    def digits(self, count: int) -> Split:
        """Return test images of MNIST, or generated ones of the same shape where it is absent."""
        if self.tiny:
            return Generated([1, 8, 8], 10, 10, count, self.seed).test().to(self.device)
        try:
            return MNIST().test().select(slice(0, count)).to(self.device)
        except (HauberkError, OSError):
            return Generated([1, 28, 28], 10, 10, count, self.seed).test().to(self.device)

    def network(self, name: str) -> nn.Module:
        """Return a recorded network, or one of this architecture with random weights."""
        torch.manual_seed(self.seed)
        if name == "PreActResNet18":
            made = WideResNet((3, 32, 32), 10, 10, 1) if self.tiny else PreActResNet18((3, 32, 32), 10)
            return made.to(self.device)
        shape = (1, 8, 8) if self.tiny else (1, 28, 28)
        made = CNN7(shape, 10) if name == "CNN7" else Small(shape, 10)
        if name in RECORDED and not self.tiny:
            made.load_state_dict(load_file(RESULTS / RECORDED[name] / "model.safetensors"))
        return made.to(self.device)

    def images(self, name: str, count: int) -> Split:
        """Return images as a network takes them: digits, or generated ones of CIFAR-10's shape."""
        if name != "PreActResNet18":
            return self.digits(count)
        return Generated([3, 32, 32], 10, count, 10, self.seed).train().to(self.device)


@cache
def captured(setting: Setting, name: str, dtype: torch.dtype = torch.float32) -> FrozenGraph:
    """Return a network as bound methods read it."""
    network = setting.network(name).eval()
    return capture(network, setting.digits(2).batch(slice(None))[0]).frozen(dtype)
