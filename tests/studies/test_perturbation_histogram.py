"""Histograms of perturbations against those known in closed form."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM
from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import Margin
from hauberk.studies import PerturbationHistogram
from hauberk.threats import L0Ball, L2Ball, LinfBall

X = torch.tensor([[0.5, 0.5, 0.05, 0.95], [0.5, 0.4, 0.5, 0.0], [0.9, 0.9, 0.9, 0.9]], dtype=torch.float64)
DATA = Split(X, torch.zeros(3, dtype=torch.long))
THREAT = LinfBall(0.2)


@pytest.fixture(scope="module")
def subject():
    """Two logits with the margin 1/2 - x1 + x2 + x3 - x4."""
    network = nn.Linear(4, 2).double()
    with torch.no_grad():
        network.bias.copy_(torch.tensor([0.5, 0.0]))
        network.weight.copy_(torch.tensor([[-1.0, 1.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]))
    return NetworkSubject(network, UnsupportedOpError("not needed"))


@dataclass(frozen=True)
class Moving(Attack):
    """Moves every value by a share of the radius, as far as the set reaches."""

    share: float

    def __call__(self, network, S, y, *, noise):
        return S.project(S.start + self.share * S.radius[:, None])


def counts(findings):
    return findings.table["free"].to_list(), findings.table["pinned"].to_list()


def test_one_step_against_a_linear_network_goes_to_the_ends_and_the_range_pins_what_lies_near_its_border(subject):
    findings = PerturbationHistogram(FGSM(Margin()), bins=5)(subject, DATA, THREAT)
    free, pinned = counts(findings)
    # Down by the radius: 0.5, 0.5, 0.4, 0.9, 0.9; up by it: 0.5, 0.5, 0.0. Down to 0 and up to 1: 0.05, 0.95, 0.9, 0.9.
    assert (free, pinned) == ([5, 0, 0, 0, 3], [0, 1, 0, 3, 0])
    assert findings.table["low"].to_list() == pytest.approx([-1, -0.6, -0.2, 0.2, 0.6])
    assert findings.table["high"].to_list() == pytest.approx([-0.6, -0.2, 0.2, 0.6, 1])
    # The margins -0.4, 0.9 and 0.5 fall by 0.5, 0.8 and 0.6.
    assert findings.facts == {"attack": "FGSM", "threat": "linf eps 0.2", "examples": "3", "withstood": "1"}


@pytest.mark.parametrize(("share", "place"), [(-1, 0), (-0.5, 2), (0, 4), (0.5, 6), (1, 8)])
def test_each_change_is_in_the_bin_that_holds_it(subject, share, place):
    wide = LinfBall(0.2, within=None)
    free, pinned = counts(PerturbationHistogram(Moving(share), bins=9)(subject, DATA, wide))
    assert free == [12 * (number == place) for number in range(9)]
    assert sum(pinned) == 0


def test_only_the_first_examples_are_attacked(subject):
    assert sum(map(sum, counts(PerturbationHistogram(Moving(1), examples=2)(subject, DATA, THREAT)))) == 8


def test_other_norms_have_shares_of_their_radius(subject):
    wide = L2Ball(0.2, within=None)
    free, _ = counts(PerturbationHistogram(FGSM(Margin()), bins=41)(subject, DATA, wide))
    assert free == [6 * (number in (10, 30)) for number in range(41)]  # each of four equal changes is half the radius


def test_without_a_radius_nothing_changes(subject):
    free, pinned = counts(PerturbationHistogram(Moving(1), bins=3)(subject, DATA, LinfBall(0.0)))
    assert (free, pinned) == ([0, 12, 0], [0, 0, 0])


def test_balls_that_count_coordinates_are_refused(subject):
    with pytest.raises(UnsupportedSetError, match=r"PerturbationHistogram .* p = 0"):
        PerturbationHistogram(Moving(1))(subject, DATA, L0Ball(2))


@pytest.mark.parametrize(("examples", "bins"), [(0, 41), (5, 40), (5, 1)])
def test_refuses_no_example_and_bins_without_a_middle(examples, bins):
    with pytest.raises(InputError, match=r"PerturbationHistogram needs .*(example|bins)"):
        PerturbationHistogram(Moving(1), examples, bins)
