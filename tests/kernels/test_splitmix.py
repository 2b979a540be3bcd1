"""Words as a function of numbers: integers and tensors alike, and steps that no small multiples undo."""

import pytest
import torch

from hauberk.kernels.splitmix import GOLDEN, SPREAD, mixed, mixed_number

WORDS = 1 << 64


@pytest.mark.parametrize("number", [0, 1, -1, GOLDEN, 2**63 - 1, -(2**63), 2**64 + 5, -(2**70)])
def test_integers_and_tensors_are_scrambled_alike(number):
    word = (number + 2**63) % WORDS - 2**63
    assert mixed_number(number) == mixed(torch.tensor(word)).item()


def test_streams_overlap_only_after_billions_of_examples_or_numbers():
    """The shortest (a, b) with a * SPREAD + b * GOLDEN = 0 modulo 2^64, by Gauss's reduction of their lattice."""

    def product(p, q):
        return p[0] * q[0] + p[1] * q[1]

    u, v = (WORDS, 0), (-GOLDEN * pow(SPREAD, -1, WORDS) % WORDS, 1)
    while product(v, v) < product(u, u):
        times = (2 * product(u, v) + product(v, v)) // (2 * product(v, v))
        u, v = v, (u[0] - times * v[0], u[1] - times * v[1])
    assert u != (0, 0)
    assert (u[0] * SPREAD + u[1] * GOLDEN) % WORDS == 0
    assert max(map(abs, u)) > 2**30
