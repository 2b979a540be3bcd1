"""What makes the weights of two networks the same."""

import hashlib

import torch
from torch import nn

from hauberk.evaluation.fingerprint import weights_sha256


class Holding(nn.Module):
    def __init__(self, **tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


def test_names_types_shapes_and_values_all_count_and_order_and_layout_do_not():
    x = torch.arange(6.0)
    plain = weights_sha256(Holding(a=x, b=x))
    others = [
        Holding(a=x, c=x),
        Holding(a=x, b=x.view(2, 3)),
        Holding(a=x, b=x.view(torch.int32)),
        Holding(a=x, b=x + 1e-7),
        Holding(a=x, b=x, c=x[:0]),
        Holding(a=x),
    ]
    assert len({plain, *map(weights_sha256, others)}) == 1 + len(others)
    assert weights_sha256(Holding(b=x, a=x.clone())) == plain
    square = torch.arange(4.0).view(2, 2)
    assert weights_sha256(Holding(a=square.T.contiguous().T)) == weights_sha256(Holding(a=square))


def test_the_digest_is_that_of_the_text_and_the_bytes():
    x = torch.tensor([1.5, -2.0])
    expected = hashlib.sha256(b"a torch.float32 (2,)\n" + x.numpy().tobytes()).hexdigest()
    assert weights_sha256(Holding(a=x)) == expected
