import torch

from hauberk.kernels.closeness import alike


def test_results_are_alike_up_to_rounding_alone():
    one = torch.tensor([[1.0, -2.0, 1e-9]])
    assert alike(one, one * (1 + 1e-6))
    assert alike(one, one + 1e-5)
    assert not alike(one, one * 1.01)
    assert not alike(one, one.flip(1))
    nothing = torch.full((2,), torch.nan)
    assert alike(nothing, nothing)
    assert not alike(nothing, torch.zeros(2))
