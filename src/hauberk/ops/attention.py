"""Attention: a softmax of products, times values."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.lowering import Computed, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed

aten = torch.ops.aten
HIDDEN = -1e9
"""The scores of hidden places, whose shares are exactly zero then: minus infinity has no finite bounds."""


@lowers(
    aten.scaled_dot_product_attention.default,
    case=lambda x: (
        F.scaled_dot_product_attention(x, 0.3 * x, -x) + F.scaled_dot_product_attention(x, x, x, is_causal=True)
    ),
)
@composed
def lower_attention(
    query: Value,
    key: Operand,
    value: Operand,
    mask: Stored | None = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's scaled dot product attention."""
    if enable_gqa or not isinstance(query, Value) or not isinstance(key, Value) or not isinstance(value, Value):
        raise UnsupportedOpError(
            "bounded is attention among values that depend on the input, without groups of queries"
        )
    query = call(aten.mul.Tensor, query, 1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    scores = call(aten.matmul.default, query, call(aten.transpose.int, key, -2, -1))
    if is_causal:
        places = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        mask = Stored(places, tuple(places.shape))
    elif mask is not None:
        scores = call(aten.add.Tensor, scores, Stored(Computed(summand, (mask,)), mask.shape))
    if mask is not None:
        places = Stored(Computed(hidden, (mask,)), mask.shape)
        scores = call(aten.masked_fill.Scalar, scores, places, HIDDEN, shape=scores.shape)
    found = call(aten.matmul.default, call(aten.softmax.int, scores, -1), value)
    if mask is None or is_causal:
        return found
    blind = Stored(Computed(sees_nothing, (mask,)), (*mask.shape[:-1], 1))
    return call(aten.masked_fill.Scalar, found, blind, 0.0, shape=found.shape)


def hidden(mask: Tensor) -> Tensor:
    """Return which places a mask hides: where truth values are false, or numbers minus infinity."""
    return ~mask if mask.dtype == torch.bool else mask == -math.inf


def sees_nothing(mask: Tensor) -> Tensor:
    """Return which queries have all places hidden: torch answers those with zeros."""
    return hidden(mask).all(-1, keepdim=True)


def summand(mask: Tensor) -> Tensor:
    """Return what a mask adds to the scores of other places."""
    return (
        torch.zeros(mask.shape, device=mask.device)
        if mask.dtype == torch.bool
        else mask.masked_fill(mask == -math.inf, 0)
    )
