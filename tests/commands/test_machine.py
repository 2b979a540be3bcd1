from argparse import Namespace
from collections.abc import Iterator

import pytest
import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState

from hauberk.commands.machine import prepare
from hauberk.errors import InputError


@pytest.fixture
def fresh() -> Iterator[None]:
    """Accelerate's state as at the start of a process, before and after."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The GPUs that are chosen, on a machine with two."""
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    return chosen


def ask(threads: int | None = None, device: str | None = None) -> None:
    prepare(Namespace(threads=threads, device=device))


def test_threads_are_those_of_torch():
    before = torch.get_num_threads()
    ask(threads=2)
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 2


@pytest.mark.parametrize("threads", [0, -1, 1025])
def test_impossible_numbers_of_threads_are_refused(threads: int):
    with pytest.raises(InputError, match=f"--threads must be from 1 to 1,024, but is {threads}"):
        ask(threads=threads)


def test_the_cpu_is_taken_where_there_are_others(fresh: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PartialState, "default_device", torch.device("meta"))
    assert Accelerator().device.type == "meta"
    AcceleratorState._reset_state(reset_partial_state=True)
    ask(device="cpu")
    assert PartialState().device.type == "cpu"
    assert Accelerator().device.type == "cpu"


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_gpu_is_chosen_by_its_number(device: str, number: int, gpus: list[int]):
    ask(device=device)
    assert gpus == [number]


@pytest.mark.parametrize("device", ["cuda:2", "cuda:999"])
def test_a_device_that_is_not_there_is_refused(device: str, gpus: list[int]):
    with pytest.raises(InputError, match=rf"--device {device}: .* only cpu, cuda:0, cuda:1\."):
        ask(device=device)
    assert gpus == []


def test_several_processes_choose_no_single_gpu(gpus: list[int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="CUDA_VISIBLE_DEVICES"):
        ask(device="cuda:1")


@pytest.mark.parametrize("device", ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:1.5", "cpu:0", "cuda:99999999999"])
def test_names_of_no_device_are_refused(device: str):
    with pytest.raises(InputError, match="--device must be cpu, cuda or a GPU by its number"):
        ask(device=device)
