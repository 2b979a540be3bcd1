"""Checks of the inputs before an evaluation starts."""

from collections.abc import Iterable

import torch

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError, UnsupportedSetError


def require_examples(data: Split) -> None:
    """Raise if the split is empty, or its inputs and labels differ in number.

    Raises:
        InputError: the message says how many there are.
    """
    if not len(data) or len(data.inputs) != len(data):
        raise InputError(
            f"an evaluation needs examples, each with its label, but there are {len(data.inputs)} inputs and "
            f"{len(data)} labels."
        )


def require_inputs(data: Split, threat: ThreatModel, size: int) -> None:
    """Raise unless the threat has a set for every input; all are checked before the first is attacked.

    Args:
        data: the split.
        threat: checks range and shape.
        size: number of examples checked together, as in the evaluation.

    Raises:
        InputError: an input is NaN or outside the range.
        ShapeError: the threat is not made for inputs of this shape, or has another number of radii, say.
    """
    checked = len(data) if data.inputs.is_floating_point() else 1  # bytes cannot leave the range
    for start in range(0, checked, size):
        some = slice(start, min(start + size, len(data)))
        S = threat.select(some, data.inputs.shape).at(data.batch(some)[0])
        if not start:  # a network that measures distances runs on images only now
            one = S.select(torch.tensor([0]))
            one.contains(one.start)


def require_steps(data: Split, threat: ThreatModel, attacks: Iterable[Attack | MinimumDistanceAttack]) -> None:
    """Raise if the set has no steepest step and every attack needs one.

    Attacks that use no gradients, or minimise distances, do without.

    Raises:
        UnsupportedSetError: the message gives the set's reason.
    """
    if not (attacks := list(attacks)) or any(a.black_box or isinstance(a, MinimumDistanceAttack) for a in attacks):
        return
    S = threat.select(slice(0, 1), data.inputs.shape).at(data.batch(slice(0, 1))[0])
    try:
        S.steepest_step(S.start, torch.ones_like(S.start), S.radius, Noise.of(0, torch.tensor([0])))
    except UnsupportedSetError as error:
        raise UnsupportedSetError(
            f"{threat.name} has no steepest step, which all of these attacks need: {error} Add a black-box attack."
        ) from error
