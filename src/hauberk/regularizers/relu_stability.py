"""A penalty on neurons of uncertain sign."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule


@dataclass(frozen=True)
class ReLUStability(BoundRegularizer):
    """The mean over examples of the sum over neurons of -tanh(1 + lower * upper), times a weight.

    Near -1 for a neuron that keeps its sign, near 1 for one that clearly does not.

    Args:
        weight: the weight, over the course of training. Published with interval bounds: 1.2e-4, 1e-4 and 1.2e-4 (MNIST
            at 0.1, 0.2 and 0.3); 1e-3 and 2e-3 (CIFAR-10 at 2/255 and 8/255).

    Source: Xiao et al. 2019, section 3.
    """

    weight: Schedule

    def __call__(self, graph: FrozenGraph, boxes: list[Box], progress: Progress) -> Float[Tensor, ""]:
        layers = [torch.tanh(1 + boxes[i].lower * boxes[i].upper).flatten(1).sum(1) for i in graph.relaxed]
        return -self.weight(progress) * sum(layers, start=boxes[0].lower.new_zeros(len(boxes[0].lower))).mean()
