"""The budget follows the free memory of a device, and no bound follows the budget."""

import pytest
import torch

from hauberk.bounds import BackwardLinear, DualNetwork, HighProbability
from hauberk.concepts.specification import LinearSpec
from hauberk.kernels.memory_budget import memory_budget
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

CUDA = torch.device("cuda", 0)


@pytest.fixture
def memory(monkeypatch):
    """Let a device report 8 GB free, and torch 3 GB kept of which 1 GB is in use; return the number of questions."""
    asked = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (8 * 10**9, 10**10))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * 10**9)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 10**9)
    return asked


def test_what_is_given_is_kept_and_the_device_not_asked(memory):
    assert memory_budget(1000, CUDA) == memory_budget(1000, torch.device("cpu")) == 1000
    assert not memory


def test_an_accelerator_gives_an_eighth_of_what_is_free(memory):
    assert memory_budget(None, CUDA) == 10**10 // 8


def test_a_full_accelerator_gives_no_less_than_the_host(memory, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 10**10))
    assert memory_budget(None, CUDA, 10**9) == 10**9


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_other_devices_have_a_fixed_budget(device):
    assert memory_budget(None, torch.device(device)) == 2**27
    assert memory_budget(None, torch.device(device), 2**20) == 2**20


@pytest.mark.parametrize("bounder", [BackwardLinear, DualNetwork], ids=lambda made: made.__name__)
def test_bounds_do_not_depend_on_it(bounder):
    graph, x, y = network("convolutional", 1), images(3, 1), labels(3, 1)
    S, spec = LinfBall(0.1).at(x), LinearSpec.margins(y, graph.classes, x.dtype)
    free, tight = (bounder(budget=size)(graph.frozen(), S, spec).lower for size in (None, 3000))
    torch.testing.assert_close(free, tight, rtol=0, atol=1e-9)


def test_every_budget_is_chosen_by_the_device_unless_given():
    assert BackwardLinear().budget is DualNetwork().budget is HighProbability().budget is None
