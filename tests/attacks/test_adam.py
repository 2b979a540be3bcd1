"""Adam on flows, with and without a charge for roughness."""

import pytest
import torch
from torch import nn

from hauberk.attacks import PGD, Adam, Unperturbed
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import JPEG, Flow, LinfBall, Recolor
from laws.networks import images, labels, network

B = 12


def noise():
    return Noise.of(0, torch.arange(B))


def test_the_first_step_is_of_the_rates_length_in_every_coordinate():
    graph, x, y = network("dense", 3), images(B, 3), labels(B, 3)
    S = LinfBall(1.0, within=None).at(x)
    y = graph(x).argmax(1)
    z = Adam(CrossEntropy(), steps=1, rate=1e-4)(graph, S, y, noise=noise())
    torch.testing.assert_close((z - x).abs(), (1e-4 * S.unit).view(-1, 1, 1, 1).expand_as(x), rtol=1e-3, atol=0)


def test_more_is_found_than_by_few_steps_of_steepest_ascent():
    graph, x, y = network("residual", 5), images(B, 5), labels(B, 5)
    S = Flow(1.0).at(x)
    adam, pgd = Adam(Margin(), 60, 0.05), PGD(Margin(), 5, 0.2, start=Unperturbed())
    values = [Margin()(graph(S.decode(attack(graph, S, y, noise=noise()))), y) for attack in (adam, pgd)]
    rest = Margin()(graph(x), y)
    assert (values[0] >= rest - 1e-12).all()
    assert values[0].mean() > values[1].mean()


def test_a_charge_makes_flows_smooth():
    graph, x = network("convolutional", 5), images(B, 5)
    y = graph(x).argmax(1)
    S = Flow(0.5).at(x)
    rough = [S.roughness(Adam(Margin(), 30, 0.02, charge)(graph, S, y, noise=noise())).mean() for charge in (0.0, 0.3)]
    assert rough[1] < 0.5 * rough[0]


def test_a_charge_needs_something_to_charge_for():
    x, y = images(B, 5), labels(B, 5)
    with pytest.raises(UnsupportedSetError, match="LinfSet"):
        Adam(Margin(), 3, 0.02, 0.1)(network("dense", 5), LinfBall(0.1).at(x), y, noise=noise())


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"smoothness": -1.0}, {"smoothness": float("nan")}])
def test_rates_and_charges_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Adam(Margin(), **wrong)


@pytest.mark.parametrize("eps", [0.0, 1e-38, torch.tensor([0.0, 0.1] * (B // 2))])
def test_where_nothing_may_move_a_charge_moves_nothing(eps):
    graph, x, y = network("convolutional", 5), images(B, 5), labels(B, 5)
    S = Flow(eps).at(x)
    z = Adam(Margin(), 4, 0.01, 0.0025)(graph, S, y, noise=noise())
    assert z.isfinite().all()
    assert S.contains(z).all()


class Broken(nn.Module):
    """Answers with finite logits whose gradient is NaN."""

    def forward(self, x):
        total = x.flatten(1).sum(1, keepdim=True)
        return torch.cat([(total - total.detach()).sqrt().nan_to_num() + total, 0 * total + 1], 1)


@pytest.mark.parametrize("threat", [Flow(0.1), Recolor(0.1), JPEG(0.1)])
def test_gradients_that_are_no_numbers_move_nothing(threat):
    x, y = images(B, 5) + 0.1, torch.zeros(B, dtype=torch.long)
    S = threat.at(x.clamp(max=1))
    z = Adam(Margin(), 4)(Broken(), S, y, noise=noise())
    assert z.isfinite().all()
    assert S.contains(z).all()
