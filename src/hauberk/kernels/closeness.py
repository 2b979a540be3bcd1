"""Comparison of results that rounding may tell apart."""

import torch
from jaxtyping import Float
from torch import Tensor


def alike(one: Float[Tensor, "*b"], two: Float[Tensor, "*b"]) -> bool:
    """Return whether two results of one network on the same inputs agree up to rounding; waits for the device."""
    slack = 1e-4 * float(one.abs().nan_to_num(0.0, 0.0).max())
    return torch.allclose(one, two, rtol=1e-3, atol=slack, equal_nan=True)
