"""The affine nodes of a network as sparse matrices."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array, vstack
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.graph import FrozenGraph

BLOCK = 2**22
"""The number of elements of a dense block of rows, which is then converted to a sparse matrix."""


@dataclass(frozen=True)
class AffineMap:
    """An affine node's result as a function of its operands.

    Args:
        matrices: the matrix of each operand.
        offset: the constants.
    """

    matrices: tuple[csr_array, ...]
    offset: Float[np.ndarray, "m"]


def affine_maps(graph: FrozenGraph, like: Tensor) -> dict[int, AffineMap]:
    """Return the map of every affine node by its index; `like` has the precision and device of the graph's tensors.

    Rows of the identity are pulled back through each op, which costs a transposed pass per output element.
    """
    maps = {}
    with torch.no_grad():
        for index, node in enumerate(graph.nodes, start=1):
            if isinstance(node.op, Affine):
                shapes = [graph.shapes[i] for i in node.inputs]
                offset = vector(node.op.offset(shapes, like).expand(1, *graph.shapes[index]))
                maps[index] = AffineMap(matrices(node.op, shapes, graph.shapes[index], like), offset)
    return maps


def matrices(
    op: Affine, shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...], like: Tensor
) -> tuple[csr_array, ...]:
    """Return the matrices of an op, one per operand."""
    size = math.prod(shape)
    step = max(1, BLOCK // max(size, *(math.prod(one) for one in shapes)))
    blocks = []
    for start in range(0, size, step):
        count = min(step, size - start)
        unit = like.new_zeros(count, size)
        unit[torch.arange(count), torch.arange(start, start + count)] = 1
        pulled = op.pull_back(unit.unflatten(1, shape), shapes)
        blocks.append([csr_array(rows.flatten(1).double().cpu().numpy()) for rows in pulled])
    return tuple(csr_array(vstack(parts)) for parts in zip(*blocks, strict=True))


def vector(t: Tensor) -> Float[np.ndarray, "n"]:
    """Return a tensor flattened to one dimension, in float64."""
    return t.detach().flatten().double().cpu().numpy()
