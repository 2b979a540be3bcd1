"""Products along a dimension, of all elements or of all up to each."""

import torch

from hauberk.concepts.lowering import Value, lowers
from hauberk.functions.composition import call, composed, gathered, shaped

aten = torch.ops.aten


@lowers(aten.prod.dim_int, case=lambda x: x.prod(1) + x[:, :3].prod(1, keepdim=True).flatten(1, 2))
@composed
def lower_product_along(z: Value, dim: int, keepdim: bool = False, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's product: halves are multiplied, then halves of these."""
    z = gathered(z, [dim])
    while (count := z.shape[-1]) > 1:
        half = count // 2
        parts = [call(aten.narrow.default, z, -1, start, half) for start in (0, half)]
        rest = [call(aten.narrow.default, z, -1, 2 * half, 1)] if count % 2 else []
        z = call(aten.cat.default, [call(aten.mul.Tensor, *parts), *rest], -1)
    return shaped(z, shape)


@lowers(aten.cumprod.default, case=lambda x: x.cumprod(1))
@composed
def lower_running_product(z: Value, dim: int, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's products of all elements up to each."""
    found = [call(aten.narrow.default, z, dim, 0, 1)]
    for place in range(1, z.shape[dim % (len(z.shape) + 1) - 1]):
        found.append(call(aten.mul.Tensor, found[-1], call(aten.narrow.default, z, dim, place, 1)))
    return call(aten.cat.default, found, dim)
