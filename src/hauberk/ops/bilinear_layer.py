"""Bilinear layers."""

import torch
import torch.nn.functional as F

from hauberk.concepts.lowering import Operand, Stored, Value, lowers
from hauberk.functions.composition import call, composed, shaped

aten = torch.ops.aten
WEIGHT = torch.linspace(-1, 1, 3 * 6 * 4, dtype=torch.float64).view(3, 6, 4)


@lowers(aten.bilinear.default, case=lambda x: F.bilinear(x, x[..., 2:].flip(1), WEIGHT, WEIGHT[:, 0, 0]))
@composed
def lower_bilinear(
    first: Operand, second: Operand, weight: Stored, bias: Stored | None = None, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's first @ weight[k] @ second + bias[k] for every k: a linear layer, then a product of matrices."""
    outs, before, after = weight.shape
    rows = call(aten.reshape.default, call(aten.permute.default, weight, [0, 2, 1]), [outs * after, before])
    hidden = call(aten.linear.default, first, rows)
    matrices = shaped(hidden, [*shape, after])
    found = call(aten.matmul.default, matrices, call(aten.unsqueeze.default, second, -1))
    found = call(aten.squeeze.dim, found, -1)
    return found if bias is None else call(aten.add.Tensor, found, bias)
