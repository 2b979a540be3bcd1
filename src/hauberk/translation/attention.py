"""torch's attention module with the batch first throughout, as bounds need it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ORIGINAL = nn.MultiheadAttention.forward


@contextmanager
def batch_first_attention() -> Iterator[None]:
    """Let `nn.MultiheadAttention` keep its batch first inside: torch's own code moves it to the second dimension."""
    nn.MultiheadAttention.forward = forward
    try:
        yield
    finally:
        nn.MultiheadAttention.forward = ORIGINAL


def forward(
    self: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return what the module computes; as torch computes it where it has further arguments than these."""
    more = (key_padding_mask, self.bias_k, attn_mask if attn_mask is not None and attn_mask.ndim != 2 else None)
    if not self.batch_first or self.add_zero_attn or query.ndim != 3 or any(one is not None for one in more):
        given = (key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal)
        return ORIGINAL(self, query, key, value, *given)
    weights = self.in_proj_weight.chunk(3) if self._qkv_same_embed_dim else separate(self)
    biases = (None, None, None) if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
    heads = [
        F.linear(t, weight, bias).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        for t, weight, bias in zip((query, key, value), weights, biases, strict=True)
    ]
    mask = None if attn_mask is None else added(attn_mask, query)
    found = self.out_proj(F.scaled_dot_product_attention(*heads, attn_mask=mask).transpose(1, 2).flatten(2))
    if not need_weights:
        return found, None
    scores = heads[0] @ heads[1].transpose(-2, -1) / heads[0].shape[-1] ** 0.5
    shares = (scores if mask is None else scores + mask).softmax(-1)
    return found, shares.mean(1) if average_attn_weights else shares


def separate(attention: nn.MultiheadAttention) -> tuple[Tensor, Tensor, Tensor]:
    """Return the weights of a module that stores one each for queries, keys and values."""
    return attention.q_proj_weight, attention.k_proj_weight, attention.v_proj_weight


def added(mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask as what it adds to scores: where it is true it hides."""
    return mask if mask.is_floating_point() else like.new_zeros(mask.shape).masked_fill(mask, -torch.inf)
