"""No step of an attack waits for the device: on the meta device, whatever would raises or is counted."""

import contextlib
import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn

from hauberk.attacks import GaussianNoise, NearMisses, Pointwise, RandomOf
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.errors import UnsupportedSetError
from hauberk.searches import combination, nearest, search
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.instances import apart, instances, label
from laws.networks import images, labels, network
from step_counts import StepCounts

B = 2
ATTACKS = apart([*instances(Attack), *instances(MinimumDistanceAttack)])[0]
HOMES = (LinfBall(0.2), L2Ball(0.8), L1Ball(2.0), L0Ball(4), Union([LinfBall(0.1), L2Ball(0.5)]))
ASKING = (Pointwise, RandomOf, NearMisses, GaussianNoise)
"""Which examples go where, pixel by pixel or part by part, is what these ask; noise is scaled until it fits."""


class InTurnError(Exception):
    """Between two parts of a combination one question is asked, as it is after ten steps."""


def away(value):
    """Return a value with all that it holds on the meta device."""
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, Box):
        return value.map(away)
    if isinstance(value, tuple | list):
        return type(value)(map(away, value))
    if isinstance(value, dict):
        return {name: away(part) for name, part in value.items()}
    if isinstance(value, nn.Module):
        return copy.deepcopy(value).to("meta")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: away(getattr(value, name)) for name in own})
    return value


def run(attack, threat):
    """Run an attack on the meta device, and return its waits."""
    streams = Noise.of(0, torch.arange(B, device="meta"))
    attack, S, y = away(attack), away(threat.at(images(B, 1))), labels(B, 1).to("meta")
    module = away(network("dense", 1).module)
    attack(module, S, y, noise=streams)  # it may send what later ones keep
    with StepCounts() as counts:
        attack(module, S, y, noise=streams)
    return counts.waits


@pytest.mark.parametrize("attack", [a for a in ATTACKS if not isinstance(a, ASKING)], ids=label)
def test_no_step_waits_for_the_device(attack, monkeypatch):
    def in_turn(network, S, y):
        raise InTurnError

    for module in (search, nearest):
        monkeypatch.setattr(module, "PATIENCE", 10**9)  # drops have their own test
    monkeypatch.setattr(combination, "misclassified", lambda *args: in_turn(*args[:3]))
    known = 0
    for threat in HOMES:
        try:
            assert run(attack, threat) == [], threat
        except UnsupportedSetError:
            continue
        except InTurnError:
            pass
        known += 1
    assert known


@pytest.mark.parametrize(
    "attack", [one for one in instances(Attack) if one.steady and hasattr(one, "steps")], ids=label
)
def test_attacks_for_training_never_drop_examples(attack):
    attack = dataclasses.replace(attack, steps=2 * search.PATIENCE)
    for threat in HOMES:
        with contextlib.suppress(UnsupportedSetError):
            assert run(attack, threat) == [], threat
