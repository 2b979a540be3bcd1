"""What readers call the operators of a captured network: its modules' own names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hauberk.capture import capture


class Block(nn.Module):
    """A residual block, with activations that are functions."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.linear(x) + x)


class Named(nn.Module):
    """A network whose modules have names and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 1, 3, padding=1)
        self.layer2 = nn.Sequential(Block(), Block())
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer2(F.relu(self.conv1(x)).flatten(1)))


def test_operators_have_the_names_of_their_modules_and_numbers_their_class():
    names = [node.name for node in capture(Named(), torch.rand(2, 1, 2, 2)).nodes]
    own = [name for name in dict.fromkeys(names) if name not in ("relu", "flatten", "view")]
    assert own == [
        "conv1",
        "layer2.0.linear",
        "layer2.0 (Block)",
        "layer2.1.linear",
        "layer2.1 (Block)",
        "head.0 (ReLU)",
        "head.1 (Linear)",
    ]
