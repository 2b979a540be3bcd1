"""Stacks of distance layers."""

from itertools import pairwise

from torch import nn

from hauberk.layers.lp_distance import LpDistance
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.sort_distance import SortDistance


def distance_layers(
    sizes: list[int], identity: float | None, keep: float, examples: int, classes: int | None = None
) -> list[nn.Module]:
    """Return distances of these sizes, each followed by a mean shift, and if there are `classes` distances with biases.

    Layers behind the first keep their inputs with probability `keep` in training: below 1, they are SortNet's.

    Args:
        sizes: the number of inputs, and of the neurons of every hidden layer.
        identity: as in `LpDistance`.
        keep: as in `SortDistance`.
        examples: as in `SortDistance`.
        classes: the number of logits; None for none.
    """
    layers: list[nn.Module] = []

    def append(inputs: int, outputs: int, bias: bool) -> None:
        if layers and keep < 1:
            layers.append(SortDistance(inputs, outputs, keep, bias=bias, identity=identity, examples=examples))
        else:
            layers.append(LpDistance(inputs, outputs, bias=bias, identity=identity))

    for inputs, outputs in pairwise(sizes):
        append(inputs, outputs, bias=False)
        layers.append(MeanShift(outputs))
    if classes is not None:
        append(sizes[-1], classes, bias=True)
    return layers
