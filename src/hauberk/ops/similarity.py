"""Distances and cosines between vectors: cosine_similarity, pairwise_distance, cdist."""

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.lowering import Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed

aten = torch.ops.aten
ROW = torch.linspace(-1, 1, 6, dtype=torch.float64)


@lowers(
    aten.cosine_similarity.default,
    case=lambda x: F.cosine_similarity(x, x.flip(1), 3) + F.cosine_similarity(x, ROW, -1),
)
@composed
def lower_cosine_similarity(
    first: Value | Stored, second: Value | Stored, dim: int = 1, eps: float = 1e-8, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's cosine of the angle between two vectors."""
    parts = call(aten.mul.Tensor, *(directed(one, dim, eps) for one in (first, second)))
    return call(aten.clamp.default, call(aten.sum.dim_IntList, parts, [dim]), -1.01, 1.01)


def directed(z: Value | Stored, dim: int, eps: float) -> Value | Stored:
    """Return vectors along a dimension divided by their length or eps: no element exceeds 1."""
    length = call(aten.linalg_vector_norm.default, z, 2, [dim], True)
    rate = call(aten.reciprocal.default, call(aten.clamp_min.default, length, eps))
    return call(aten.clamp.default, call(aten.mul.Tensor, z, rate), -1.01, 1.01)


@lowers(
    aten.pairwise_distance.default,
    case=lambda x: F.pairwise_distance(x, x.flip(1)) + F.pairwise_distance(x, ROW, p=1),
)
@composed
def lower_pairwise_distance(
    first: Value | Stored,
    second: Value | Stored,
    p: float = 2,
    eps: float = 1e-6,
    keepdim: bool = False,
    *,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's distance along the last dimension, of which eps is a part."""
    difference = call(aten.add.Tensor, call(aten.sub.Tensor, first, second), eps)
    return call(aten.linalg_vector_norm.default, difference, p, [-1], keepdim)


@lowers(aten.cdist.default, case=lambda x: torch.cdist(x, x[:, :, 1:3]) + torch.cdist(x, constant_rows(x), p=1))
@composed
def lower_distances(
    first: Value | Stored, second: Value | Stored, p: float = 2, mode: int | None = None, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's distances of every row from every other."""
    if p == 2 and mode != 2 and (mode == 1 or max(first.shape[-2], second.shape[-2]) > 25):
        raise UnsupportedOpError(
            'torch rounds these distances coarsely: give compute_mode="donot_use_mm_for_euclid_dist"'
        )
    difference = call(
        aten.sub.Tensor, call(aten.unsqueeze.default, first, -2), call(aten.unsqueeze.default, second, -3)
    )
    return call(aten.linalg_vector_norm.default, difference, p, [-1])


def constant_rows(x: Tensor) -> Tensor:
    """Return two rows for a case, for every channel of every example."""
    return torch.stack([ROW, 1 - ROW]).expand(x.shape[0], 4, 2, 6)
