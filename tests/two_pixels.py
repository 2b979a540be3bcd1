"""A network of two pixels whose distances are known."""

import torch
from torch import nn

from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedOpError


def comparing() -> NetworkSubject:
    """Return a network that says 1 where the first pixel exceeds the second."""
    module = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    return NetworkSubject(module, UnsupportedOpError("not captured"))
