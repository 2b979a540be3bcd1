import pytest
import torch
from torch import nn

from hauberk.kernels.modes import eval_mode


def test_every_part_gets_its_own_mode_back_even_after_an_error():
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()))
    module[1][0].eval()
    before = [part.training for part in module.modules()]
    assert before == [True, True, True, False, True]
    with eval_mode(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == before
    with pytest.raises(RuntimeError, match="shapes"), eval_mode(module):
        module(torch.zeros(1, 3))
    assert [part.training for part in module.modules()] == before


def test_a_part_that_another_thread_still_needs_in_eval_mode_stays_in_it():
    inner = nn.Dropout()
    module = nn.Sequential(inner, nn.Linear(2, 2))
    first, second = eval_mode(module), eval_mode(inner)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert [part.training for part in module.modules()] == [True, False, True]
    second.__exit__(None, None, None)
    assert all(part.training for part in module.modules())
