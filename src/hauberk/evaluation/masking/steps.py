"""Attacks that ought to be stronger than others."""

from functools import partial
from itertools import pairwise

import torch

from hauberk.concepts.attack import misclassified
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.evaluation.masking.probe import Probe, gradient_at_start
from hauberk.evaluation.masking.sign import Sign, notable
from hauberk.losses.margin import Margin
from hauberk.sets.linf_set import LinfSet

SAMPLES = 50
FACTORS = (1.0, 2.0, 4.0)


def futile_steps(probe: Probe) -> list[Sign]:
    """Attack at growing radii, over all valid inputs, and with random members instead of steps."""
    n = len(probe.y)
    first = probe.parts()[0]
    if gradient_at_start(first, Margin(), first.sets()) is None:
        return []  # a sign of its own
    try:
        left = [probe.count(partial(unbroken_at, factor)) for factor in FACTORS]
    except (UnsupportedSetError, InputError):
        return []  # the set has no steepest step, or the threat no such radius
    found = [
        Sign(
            "a larger radius is not stronger",
            f"A short PGD leaves {before} of {n} examples unbroken at {low:g} times the radius, but {after} at "
            f"{high:g} times.",
            "Give the attacks more steps, restarts and other losses, and add a black box.",
        )
        for (low, high), (before, after) in zip(pairwise(FACTORS), pairwise(left), strict=True)
        if notable(after - before, n)
    ]
    if whole_range(first.sets()) is not None and hopeless(probe, rest := probe.count(unbroken_by_anything)):
        found.append(
            Sign(
                "the whole range does not suffice",
                f"A short PGD that may choose any valid input leaves {rest} of {n} examples unbroken.",
                "Such an attack cannot judge this network: use a smooth stand-in for its gradient, or a black box.",
            )
        )
    by_noise, by_steps = n - probe.count(unbroken_by_noise), n - left[0]
    if notable(by_noise - by_steps, n):
        found.append(
            Sign(
                "random noise beats gradients",
                f"The best of {SAMPLES} random members breaks {by_noise} of {n} examples, a short PGD {by_steps}.",
                "Gradients mislead here: use a black box, or a smooth stand-in for what has no slope.",
            )
        )
    return found


def unbroken_at(factor: float, probe: Probe) -> int:
    """Return how many examples withstand a short attack at a multiple of the radius."""
    return probe.unbroken(probe.sets(factor))


def unbroken_by_anything(probe: Probe) -> int:
    """Return how many examples withstand a short attack free to choose any valid input; all if there is no range."""
    everything = whole_range(probe.sets())
    return len(probe.y) if everything is None else probe.unbroken(everything)


def hopeless(probe: Probe, rest: int) -> bool:
    """Return whether an attack free to choose any valid input leaves more examples than both chance and 10 %."""
    with torch.no_grad():
        classes = probe.subject.module(probe.x[:1]).shape[1]
    return notable(rest, len(probe.y)) and rest > max(0.1, 1 / classes) * len(probe.y)


def whole_range(S: PerturbationSet) -> LinfSet | None:
    """Return the sets of all valid inputs: boxes, whatever the norm; None if there is no range."""
    if not isinstance(S, NormBall) or S.within is None:
        return None
    low, high = S.within
    return LinfSet.around(S.start, torch.full_like(S.radius, high - low), S.within)


def unbroken_by_noise(probe: Probe) -> int:
    """Return how many examples withstand random members."""
    S, y, noise = probe.sets(), probe.y, probe.noise.fold(1)
    for number in range(SAMPLES):
        going = ~misclassified(probe.subject.module, S, S.sample(noise.fold(number)), y)
        S, y, noise = S.select(going), y[going], noise.select(going)
        if not len(y):
            break
    return len(y)
