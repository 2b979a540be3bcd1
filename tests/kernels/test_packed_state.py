import torch
from torch import nn

from hauberk.kernels.packed_state import load, pack, unpack


class Mixed(nn.Module):
    """Numbers of all sizes, no dimensions, none at all, two names for one tensor, and a layout of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.narrow = nn.Parameter(torch.randn(3, generator=generator))
        self.wide = nn.Parameter(torch.randn(2, 3, 5, 5, generator=generator).double())
        self.wide.data = self.wide.data.to(memory_format=torch.channels_last)
        self.again = self.wide
        self.register_buffer("mask", torch.rand(5, generator=generator) > 0.5)
        self.register_buffer("small", torch.randn(1, generator=generator).half())
        self.register_buffer("count", torch.tensor(2**53 + 1 + seed), persistent=False)
        self.register_buffer("nothing", torch.zeros(0, 4))


def test_bytes_hold_every_parameter_and_buffer_bit_for_bit_and_are_a_copy():
    one, other = Mixed(1), Mixed(2)
    one.narrow.data[0] = torch.nan
    packed, expected = pack(one), {**dict(one.named_parameters()), **dict(one.named_buffers())}
    expected = {name: tensor.clone() for name, tensor in expected.items()}
    with torch.no_grad():
        one.narrow.zero_()
    found = unpack(packed, other)
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert (tensor.dtype, tensor.shape) == (expected[name].dtype, expected[name].shape)
        torch.testing.assert_close(tensor, expected[name].detach(), rtol=0, atol=0, equal_nan=True)
    weight = other.wide
    load(found, other)
    assert torch.equal(pack(other), packed)
    assert other.wide is weight  # in place: optimizers hold it
