import time

import pytest
import torch
from torch import nn

from hauberk.errors import OutOfTimeError
from hauberk.kernels.deadline import deadline


def endless():
    while True:
        torch.ones(2).sum()


def test_a_computation_ends_at_its_first_call_of_torch_after_the_deadline():
    with pytest.raises(OutOfTimeError, match=r"more than 0\.01 seconds"), deadline(0.01):
        endless()


def test_what_clears_up_after_the_deadline_may_call_torch():
    cleared = []

    def careful():
        try:
            endless()
        finally:
            cleared.append(torch.ones(1).item())

    with pytest.raises(OutOfTimeError), deadline(0.01):
        careful()
    assert cleared == [1.0]


def test_a_gradient_in_time_is_the_ordinary_one():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(5, 3, requires_grad=True)
    expected = torch.autograd.grad(network(x).sum(), x)[0]
    with deadline(60):
        found = torch.autograd.grad(network(x).sum(), x)[0]
    assert torch.equal(found, expected)


def test_deadlines_nest():
    with deadline(60):
        with pytest.raises(OutOfTimeError, match=r"0\.01 seconds"), deadline(0.01):
            endless()
        torch.ones(1)


def test_who_swallows_the_error_gets_another():
    def stubborn():
        try:
            endless()
        except OutOfTimeError:
            endless()

    with pytest.raises(OutOfTimeError), deadline(0.01):
        stubborn()


def test_a_mode_that_ends_after_the_deadline_is_left():
    weight = torch.ones(1)

    def late():
        with torch.no_grad():
            time.sleep(0.02)
        weight.requires_grad = True
        torch.ones(1)

    try:
        with pytest.raises(OutOfTimeError), deadline(0.01):
            late()
        assert torch.is_grad_enabled()
        assert weight.requires_grad
    finally:
        torch.set_grad_enabled(True)
