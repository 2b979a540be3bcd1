"""No attack draws from one stream of random numbers twice: start, restarts, steps and draws each have their own.

Several attacks in one share their streams: each of them does as it would alone.
"""

from collections import Counter

import pytest
import torch

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.noise import Noise
from hauberk.errors import HauberkError
from hauberk.threats import L1Ball, LinfBall
from laws.instances import apart, instances, label
from laws.networks import images, network

THREATS = [LinfBall(0.1), L1Ball(1.0)]
EVERY = apart([*instances(Attack), *instances(MinimumDistanceAttack)])[0]
ATTACKS = [attack for attack in EVERY if len(getattr(attack, "outdone", ())) < 2]


DRAWN: Counter[int] = Counter()


class Watched(Noise):
    """Counts which streams are drawn from."""

    def uniform(self, shape, dtype=torch.float32):
        DRAWN.update(self.keys.tolist())
        return super().uniform(shape, dtype)

    def signs(self, shape, dtype=torch.float32):
        DRAWN.update(self.keys.tolist())
        return super().signs(shape, dtype)


@pytest.mark.parametrize("attack", ATTACKS, ids=label)
def test_no_stream_is_drawn_from_twice(attack):
    graph, x, noise = network("residual", 0), images(3, 0), Noise.of(0, torch.arange(3))
    y = graph(x).argmax(1)
    for threat in THREATS:
        DRAWN.clear()
        try:
            attack(graph, threat.at(x), y, noise=Watched(noise.examples, noise.state))
        except HauberkError:
            continue  # not defined on this set
        assert max(DRAWN.values(), default=1) == 1
