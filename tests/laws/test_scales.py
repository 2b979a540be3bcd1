"""Proofs and bounds at any scale of the weights, against exact minima in rational arithmetic."""

from fractions import Fraction
from functools import cache

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval, LinearProgram
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, MixedInteger
from laws.exact import least
from laws.instances import instances, label
from laws.networks import network
from longer import mostly_later

SCALES = (1e-12, 1e-9, 1e-5, 1.0, 1e4, 1e9, 1e12)
SEEDS, B = range(3), 3
BOUNDERS = [bounder for bounder in instances(Bounder) if bounder.certifies and not bounder.failure]
VERIFIERS = [*instances(Verifier), *map(ByBound, BOUNDERS)]
VERIFIERS = [verifier for verifier in VERIFIERS if verifier.covers(network("dense", 1).frozen())]


@cache
def problem(seed, scale, dtype, above=None):
    """Return a network, sets, margins and their exact minima, which `above` moves to about this number."""
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        for parameter in module[0].parameters():
            parameter.mul_(scale)
        module[2].weight.div_(scale)
    x = torch.randint(64, (B, 2), generator=generator).to(dtype) / 64  # boxes with exact sides in every precision
    S, spec = LinfBall(0.25, None).at(x), LinearSpec.margins(torch.arange(B) % 2, 2, dtype)
    if above is not None:
        spec = LinearSpec(spec.rows, spec.offset + above - torch.tensor(minima(module, S, spec), dtype=dtype)[:, None])
    return NetworkSubject(module, capture(module, x)), S, spec, minima(module, S, spec)


def minima(module, S, spec):
    boxes = [S.select(torch.tensor([i])).box for i in range(B)]
    return [least(module, boxes[i], spec.rows[i, 0], spec.offset[i, 0].item()) for i in range(B)]


@pytest.mark.parametrize("verifier", VERIFIERS, ids=label)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_no_bound_lies_above_the_exact_minimum_at_any_scale(verifier, dtype):
    for seed, scale in enumerate(SCALES):
        for above in (None, 0.0):
            subject, S, spec, exact = problem(seed, scale, dtype, above)
            certificate = verifier(subject, S, spec)
            for lower, proven, value in zip(certificate.lower[:, 0].tolist(), certificate.verified, exact, strict=True):
                assert lower == -torch.inf or Fraction(lower) <= value
                assert not proven or value > 0


@pytest.mark.parametrize("scale", mostly_later(SCALES, 3))
@pytest.mark.parametrize("seed", SEEDS)
def test_the_exact_verifier_finds_the_minimum_at_any_scale(scale, seed):
    subject, S, spec, exact = problem(seed, scale, torch.float64)
    found = MixedInteger(Interval(), minimum=True)(subject, S, spec).lower[:, 0]
    torch.testing.assert_close(found, torch.tensor([float(v) for v in exact], dtype=torch.float64), rtol=0, atol=1e-8)
    for above in (1e-6, -1e-6):
        subject, S, spec, _exact = problem(seed, scale, torch.float64, above)
        assert (MixedInteger(Interval())(subject, S, spec).verified == (above > 0)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_linear_programs_are_as_tight_at_any_scale(seed):
    found = []
    for scale in SCALES:
        subject, S, spec, _exact = problem(seed, scale, torch.float64)
        found.append(LinearProgram(Interval())(subject.graph.frozen(), S, spec).lower)
    for lower in found:
        torch.testing.assert_close(lower, found[0], rtol=0, atol=1e-7)
