"""The affine maps between the non-affine nodes of a network, as sparse matrices."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array, eye_array, vstack
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.graph import FrozenGraph

BLOCK = 2**22
"""The number of elements of a dense block of rows, which is then converted to a sparse matrix."""


@dataclass(frozen=True)
class AffineMap:
    """A value of a graph as an affine function of its sources: the input and the results of non-affine nodes.

    Args:
        matrices: the matrix of each source, by the source's index in the graph.
        offset: the constants.
    """

    matrices: dict[int, csr_array]
    offset: Float[np.ndarray, "m"]


def affine_maps(graph: FrozenGraph, like: Tensor) -> list[AffineMap]:
    """Return the map of every value of a graph in float64; `like` has the type and device of the input.

    Rows of the identity are pulled back through each affine op, which costs a transposed pass per output element.
    """
    maps = [source(0, math.prod(graph.shapes[0]))]
    with torch.no_grad():
        for index, node in enumerate(graph.nodes, start=1):
            if not isinstance(node.op, Affine):
                maps.append(source(index, math.prod(graph.shapes[index])))
                continue
            shapes = [graph.shapes[i] for i in node.inputs]
            offset = vector(node.op.offset(shapes, like).expand(1, *graph.shapes[index]))
            matrices: dict[int, csr_array] = {}
            for matrix, operand in zip(
                rows_of(node.op, shapes, graph.shapes[index], like), (maps[i] for i in node.inputs), strict=True
            ):
                offset = offset + matrix @ operand.offset
                for i, before in operand.matrices.items():
                    part = matrix @ before
                    matrices[i] = matrices[i] + part if i in matrices else part
            maps.append(AffineMap(matrices, offset))
    return maps


def source(index: int, size: int) -> AffineMap:
    """Return the map of a value that is its own source."""
    return AffineMap({index: csr_array(eye_array(size, format="csr"))}, np.zeros(size))


def rows_of(op: Affine, shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...], like: Tensor) -> list[csr_array]:
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
    return [csr_array(vstack(parts)) for parts in zip(*blocks, strict=True)]


def vector(t: Tensor) -> Float[np.ndarray, "n"]:
    """Return a tensor flattened to one dimension, in float64."""
    return t.detach().flatten().double().cpu().numpy()
