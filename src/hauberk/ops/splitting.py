"""Values taken apart along a dimension: chunk, split, tensor_split, unbind."""

from collections.abc import Sequence
from functools import partial

import torch

from hauberk.concepts.lowering import Value, lowers
from hauberk.functions.composition import call, composed

aten = torch.ops.aten
Shapes = Sequence[tuple[int, ...]]


@composed
def lower_parts(z: Value, _: object, dim: int = 0, *, shape: Shapes) -> list[Value]:
    """Lower torch's cuts along a dimension, whose results say where they are."""
    return parts(z, dim, shape)


@composed
def lower_parts_along(dim: int, z: Value, _: object, *, shape: Shapes) -> list[Value]:
    """Lower torch's cuts along a dimension that their name says."""
    return parts(z, dim, shape)


@composed
def lower_unbind(z: Value, dim: int = 0, *, shape: Shapes) -> list[Value]:
    """Lower torch's separation of a dimension."""
    return [call(aten.select.int, z, dim, place) for place in range(len(shape))]


def parts(z: Value, dim: int, shapes: Shapes) -> list[Value]:
    """Return the slices that follow each other along a dimension and have these shapes."""
    dim, start, found = dim % (len(z.shape) + 1), 0, []
    for shape in shapes:
        stop = start + shape[dim - 1]
        found.append(call(aten.slice.Tensor, z, dim, start, stop))
        start = stop
    return found


CUTS = {
    aten.chunk.default: lambda x: x.chunk(3, -1)[1] - x.chunk(3, -1)[2],
    aten.unsafe_chunk.default: lambda x: x.unsafe_chunk(2, 1)[1],
    aten.split.Tensor: lambda x: torch.cat(x.split(4, 3)[::-1], 3),
    aten.split_with_sizes.default: lambda x: x.split([1, 3], 1)[1] * 2,
    aten.unsafe_split.Tensor: lambda x: x.unsafe_split(2, 1)[1],
    aten.tensor_split.sections: lambda x: x.tensor_split(3, 1)[0],
    aten.tensor_split.indices: lambda x: x.tensor_split([1, 4], -1)[1],
}
for operator, case in CUTS.items():
    lowers(operator, case=case)(lower_parts)
lowers(aten.hsplit.int, aten.hsplit.array, case=lambda x: x.hsplit(2)[1] + x.hsplit([1, 3])[1])(
    partial(lower_parts_along, 1)
)
lowers(aten.dsplit.int, aten.dsplit.array, case=lambda x: x.mT.dsplit(2)[1] + x.mT.dsplit([1, 4])[1])(
    partial(lower_parts_along, 2)
)
lowers(aten.unbind.int, case=lambda x: torch.stack(x.unbind(1)[::-1], 2))(lower_unbind)
