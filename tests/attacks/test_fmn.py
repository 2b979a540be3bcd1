"""FMN on linear classifiers, in every norm."""

import pytest
import torch

from attacks.linear import B, centred, classifier, excess, flat, noise
from hauberk.attacks import FMN
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.instances import label


@pytest.mark.parametrize("spread", [0.02, 0.3])
@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(1.0), L1Ball(1.0)], ids=label)
def test_answers_are_nearly_as_near_as_any_on_a_linear_classifier(threat, spread):
    """The range is out of reach of inputs near its middle, and cuts the balls of the others."""
    found = excess(FMN(), classifier(), threat, centred(spread=spread))
    assert found.max() <= 0.02
    assert found.min() >= -1e-9


def test_l0_answers_change_nearly_as_few_coordinates_as_any():
    module, x = classifier(), centred(spread=0.3)
    S, y = L0Ball(3).at(x), module(x).argmax(1)
    z = FMN(steps=60)(module, S, y, noise=noise())
    weight = (module[1].weight[1 - y] - module[1].weight[y]).view_as(x)
    gains = torch.where(weight > 0, weight * (1 - x), -weight * x).flatten(1).sort(1, descending=True).values
    logits = module(x)
    need = logits.gather(1, y[:, None]) - logits.gather(1, 1 - y[:, None])
    fewest = 1 + (gains.cumsum(1) < need).sum(1)
    assert (module(z).argmax(1) != y).all()
    assert (S.distance(z) >= fewest).all()
    assert (S.distance(z) <= fewest + 2).all()


def test_float32_answers_are_found_although_the_first_radius_is_exact():
    module, x = classifier(dtype=torch.float32), centred(dtype=torch.float32)
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    assert (module(FMN(steps=3)(module, S, y, noise=noise())).argmax(1) != y).all()


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(1.0, None), L1Ball(1.0), L0Ball(3)], ids=label)
def test_a_zero_gradient_stays_finite_and_finds_nothing(threat):
    seen = []

    def network(x):
        seen.append(x.detach())
        return flat(x)

    x = centred()
    assert torch.equal(FMN(steps=8)(network, threat.at(x), torch.zeros(B, dtype=torch.long), noise=noise()), x)
    assert all(point.isfinite().all() for point in seen)
    assert not torch.equal(seen[-1], x)


def test_refusals():
    S = Union([LinfBall(0.1)]).at(centred())
    with pytest.raises(UnsupportedSetError, match="FMN is defined for balls in any norm"):
        FMN()(classifier(), S, torch.zeros(B, dtype=torch.long), noise=noise())
    for wrong in ({"steps": 0}, {"step": 0.0}, {"last_step": 0.0}, {"gamma": 0.0}, {"last_gamma": -1.0}):
        with pytest.raises(InputError, match=f"FMN needs {next(iter(wrong))}"):
            FMN(**wrong)
