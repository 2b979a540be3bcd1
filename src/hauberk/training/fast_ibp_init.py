"""The initialisation of fast interval training."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hauberk.capture import capture
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.initialisation import Initialisation
from hauberk.ops.arithmetic import Add
from hauberk.ops.convolution import Convolution
from hauberk.ops.linear import Linear


@dataclass(frozen=True)
class FastIBPInit(Initialisation):
    """Normal weights with deviation sqrt(2 pi) / fan_in, which keeps the mean width of boxes from layer to layer.

    Layers fed by a residual sum get half of that; the last layer keeps its own initialisation. Biases are set to zero.

    Source: Shi et al. 2021, section 4.1.
    """

    def __call__(self, network: nn.Module, example: Tensor, generator: torch.Generator) -> None:
        frozen = capture(network, example).frozen()
        layers = [(node.op, node.inputs[0]) for node in frozen.nodes if isinstance(node.op, Linear | Convolution)]
        with torch.no_grad():
            for op, value in layers[:-1]:
                deviation = math.sqrt(2 * math.pi) / op.weight[0].numel()
                if fed_by_sum(frozen, value):
                    deviation /= 2
                op.weight.normal_(0, deviation, generator=generator)
                if op.bias is not None:
                    op.bias.zero_()


def fed_by_sum(graph: FrozenGraph, value: int) -> bool:
    """Return whether a value is a residual sum, possibly behind operators without weights."""
    while value:
        node = graph.nodes[value - 1]
        if isinstance(node.op, Add | Linear | Convolution):
            return isinstance(node.op, Add)
        value = node.inputs[0]
    return False
