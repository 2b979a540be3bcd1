"""Loops that several threads share."""

import os
import threading

import pytest
import torch

from hauberk.kernels.lp_distance import lp_distance
from hauberk.kernels.sorted_distance import sorted_distance
from hauberk.kernels.threads import in_threads


@pytest.fixture(autouse=True)
def restored():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def ranges(count, grain=1):
    found = []
    in_threads(lambda first, last, to: to.append((first, last)), count, found, grain=grain)
    return sorted(found)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 100])
@pytest.mark.parametrize("grain", [1, 4, 16])
def test_ranges_make_up_the_whole_and_begin_at_multiples_of_the_grain(threads, count, grain):
    torch.set_num_threads(threads)
    found = ranges(count, grain)
    assert [i for first, last in found for i in range(first, last)] == list(range(count))
    assert all(first % grain == 0 for first, _ in found)
    assert len(found) <= threads


def test_all_threads_run_at_once():
    torch.set_num_threads(3)
    barrier = threading.Barrier(3)
    in_threads(lambda first, last: barrier.wait(timeout=10), 3)


def test_a_single_thread_is_the_callers_own():
    torch.set_num_threads(1)
    seen = []
    in_threads(lambda first, last: seen.append(threading.get_ident()), 5)
    assert seen == [threading.get_ident()]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_exceptions_of_any_thread_are_passed_on(place):
    def fail(first, last):
        if first == place:
            raise ZeroDivisionError

    torch.set_num_threads(3)
    with pytest.raises(ZeroDivisionError):
        in_threads(fail, 3)
    assert ranges(3) == [(0, 1), (1, 2), (2, 3)]


def test_a_fork_has_threads_of_its_own():
    torch.set_num_threads(2)
    assert len(ranges(2)) == 2
    child = os.fork()
    if not child:
        os._exit(0 if len(ranges(2)) == 2 else 1)
    assert waited(child) == 0


def waited(child, seconds=10):
    """Return a child's exit code; it is killed if it takes longer."""
    timer = threading.Timer(seconds, os.kill, (child, 9))
    timer.start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    timer.cancel()
    return code


@pytest.mark.parametrize("p", [8.0, 8.5, torch.inf, None], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(p):
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(17, 150, generator=generator), torch.randn(23, 150, generator=generator)
    results = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        given = x.clone().requires_grad_(), w.clone().requires_grad_()
        one = given[0]
        u = sorted_distance(one, *given, [0.75, 0.25]) if p is None else lp_distance(*given, torch.tensor(p))
        results.append([u, *torch.autograd.grad(u.square().sum(), given)])
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
