"""Gated linear units."""

import torch
import torch.nn.functional as F

from hauberk.concepts.lowering import Value, lowers
from hauberk.functions.composition import call, composed

aten = torch.ops.aten


@lowers(aten.glu.default, case=lambda x: torch.cat([F.glu(x, 1).flatten(1), F.glu(x).flatten(1)], 1))
@composed
def lower_glu(z: Value, dim: int = -1, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's gated linear unit: one half times the sigmoid of the other."""
    half = z.shape[dim % (len(shape) + 1) - 1] // 2
    gated, gate = (call(aten.narrow.default, z, dim, start, half) for start in (0, half))
    return call(aten.mul.Tensor, gated, call(aten.sigmoid.default, gate))
