"""Constants of the batch's size that are the same for every example."""

import torch

from hauberk.concepts.lowering import Stored, lowers

aten = torch.ops.aten


@lowers(aten.zeros.default, aten.zeros_like.default, aten.new_zeros.default)
def lower_zeros(*_: object, shape: tuple[int, ...], **options: object) -> Stored:
    """Lower torch's zeros to a stored constant with batch 1."""
    return Stored(torch.zeros(1, *shape), (1, *shape))
