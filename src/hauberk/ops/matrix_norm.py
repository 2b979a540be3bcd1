"""Norms of vectors and of matrices, by the names of linear algebra."""

import torch

from hauberk.concepts.lowering import Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed

aten = torch.ops.aten


@lowers(aten.linalg_matrix_norm.str_ord, case=lambda x: torch.linalg.matrix_norm(x))
@composed
def lower_matrix_norm(
    z: Value, kind: str = "fro", dims: tuple[int, int] = (-2, -1), keepdim: bool = False, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's Frobenius norm."""
    if kind != "fro":
        raise UnsupportedOpError(f"its norm is {kind!r}, of singular values: only Frobenius norms are bounded")
    return call(aten.linalg_vector_norm.default, z, 2, dims, keepdim)


@lowers(
    aten.linalg_norm.default,
    case=lambda x: torch.linalg.norm(x, dim=1) + torch.linalg.norm(x, dim=(1, 2))[..., None, :],
)
@composed
def lower_linear_algebra_norm(
    z: Value,
    p: float | None = None,
    dims: int | list[int] | None = None,
    keepdim: bool = False,
    *,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's norm of vectors or of matrices."""
    if p is not None and not (isinstance(dims, int) or (dims is not None and len(dims) == 1)):
        raise UnsupportedOpError("its norm is of matrices: only Frobenius norms are bounded, and norms of vectors")
    return call(aten.linalg_vector_norm.default, z, 2 if p is None else p, dims, keepdim)
