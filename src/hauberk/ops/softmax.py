"""Softmax, its logarithm, and the logarithm of sums of exponentials."""

from collections.abc import Sequence
from functools import partial

import torch

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed, enlarged, gathered, shaped
from hauberk.functions.log_softmax import LogSoftmax

aten = torch.ops.aten


@lowers(
    aten.log_softmax.int,
    aten._log_softmax.default,
    aten.special_log_softmax.default,
    case=lambda x: x.log_softmax(1) + torch.special.log_softmax(x, -1) + aten._log_softmax(x, 2, False),
)
@composed
def lower_log_softmax(z: Value, dim: int, *_: object, shape: tuple[int, ...], **options: object) -> Lowered | Value:
    """Lower torch's logarithm of the softmax."""
    dim %= len(shape) + 1
    if dim == 0:
        raise UnsupportedOpError("it sums over the batch")
    if dim == len(shape):
        return Lowered(partial(LogSoftmax, shape[-1]), (z,))
    return call(aten.transpose.int, call(aten.log_softmax.int, call(aten.transpose.int, z, dim, -1), -1), dim, -1)


@lowers(
    aten.softmax.int,
    aten._softmax.default,
    aten.special_softmax.default,
    case=lambda x: (3 * x).softmax(1) + torch.special.softmax(x, -1) + aten._softmax(x, 2, False),
)
@composed
def lower_softmax(z: Value, dim: int, *_: object, shape: tuple[int, ...], **options: object) -> Value:
    """Lower torch's softmax: the exponential of its logarithm, which is never positive."""
    return call(aten.exp.default, call(aten.log_softmax.int, z, dim))


@lowers(aten.logaddexp.default, case=lambda x: torch.logaddexp(x, x.flip(1)) + torch.logaddexp(x, x[:, :1]))
@composed
def lower_logaddexp(first: Value, second: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's logarithm of a sum of two exponentials."""
    if not isinstance(first, Value) or not isinstance(second, Value):
        raise UnsupportedOpError("both operands must depend on the input: add a softplus of the difference instead")
    both = call(aten.stack.default, [enlarged(one, shape) for one in (first, second)], 1)
    return call(aten.logsumexp.default, both, [1])


@lowers(
    aten.logsumexp.default, case=lambda x: torch.cat([x.logsumexp((1, 3)), x.logsumexp(2, keepdim=True).flatten(1)], 1)
)
@composed
def lower_logsumexp(z: Value, dims: int | Sequence[int], keepdim: bool = False, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's logarithm of a sum of exponentials."""
    z = gathered(z, [dims] if isinstance(dims, int) else dims)
    first, rest = (call(aten.narrow.default, one, -1, 0, 1) for one in (z, call(aten.log_softmax.int, z, -1)))
    return shaped(call(aten.sub.Tensor, first, rest), shape)
