"""DDN on linear classifiers, on its levels, and where there is no gradient."""

import pytest
import torch

from attacks.linear import DTYPE, B, centred, classifier, excess, flat, noise
from hauberk.attacks import DDN
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L2Ball, LinfBall


@pytest.mark.parametrize(("levels", "most"), [(None, 0.01), (256, 0.01), (4, 0.6)])
def test_answers_are_nearly_as_near_as_any_on_a_linear_classifier(levels, most):
    found = excess(DDN(levels=levels), classifier(), L2Ball(1.0), centred())
    assert found.max() <= most
    assert found.min() >= (-1e-9 if levels is None else -0.01)


def test_answers_have_the_levels():
    module, x = classifier(), (centred(1, 0.3) * 15).round() / 15
    for levels, expected in ((16, True), (None, False)):
        z = DDN(levels=levels)(module, L2Ball(1.0).at(x), module(x).argmax(1), noise=noise())
        assert torch.allclose(z * 15, (z * 15).round(), rtol=0, atol=1e-12) == expected


def test_levels_are_those_of_the_range():
    module, within = classifier(), (-1.0, 2.0)
    x = centred(1, 0.3)
    S, y = L2Ball(1.0, within).at(x), module(x).argmax(1)
    z = DDN(levels=11)(module, S, y, noise=noise())
    level = (z + 1) / 0.3
    assert (module(z).argmax(1) != y).all()
    torch.testing.assert_close(level, level.round(), rtol=0, atol=1e-9)


def test_without_a_gradient_directions_are_random_and_all_stays_finite():
    seen = []

    def network(x):
        seen.append(x.detach())
        return flat(x)

    x = centred()
    S, y = L2Ball(1.0).at(x), torch.zeros(B, dtype=torch.long)
    z = DDN(steps=30, levels=None)(network, S, y, noise=noise())
    assert torch.equal(z, x)
    assert all(point.isfinite().all() for point in seen)
    assert len(seen) == 31
    last = (seen[-1] - x).flatten(1)
    assert (last.norm(dim=1) > 0.5).all()
    assert (torch.corrcoef(last) - torch.eye(B, dtype=DTYPE)).abs().max() < 0.9


def test_a_perturbation_of_length_zero_is_not_divided_by():
    """Every pixel is rounded back to the unperturbed one, at each step."""
    module, x = classifier(), (centred() > 0.5).to(DTYPE)
    y = module(x).argmax(1)
    z = DDN(steps=20, norm=1e-3, levels=2)(module, L2Ball(1.0).at(x), y, noise=noise())
    assert torch.equal(z, x)


def test_more_steps_find_no_farther_points():
    """Radii of the spheres depend on no number of steps, but rates do; runs of one rate schedule share beginnings."""
    module, x = classifier(5, 3), centred(2, 0.3)
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    lengths = torch.stack([S.distance(DDN(n)(module, S, y, noise=noise())) for n in (10, 100)])
    assert (lengths[1] <= lengths[0] + 1e-9).all()


def test_what_is_misclassified_as_it_is_stays():
    module, x = classifier(5, 4), centred(3)
    y = (module(x).argmax(1) + 1) % 5
    assert torch.equal(DDN()(module, L2Ball(1.0).at(x), y, noise=noise()), x)


def test_refusals():
    x = centred()
    with pytest.raises(UnsupportedSetError, match="DDN is defined for balls in the l_2 norm"):
        DDN()(classifier(), LinfBall(0.1).at(x), torch.zeros(B, dtype=torch.long), noise=noise())
    for wrong in ({"steps": 0}, {"gamma": 0.0}, {"norm": -1.0}, {"levels": 1}):
        with pytest.raises(InputError, match=f"DDN needs {next(iter(wrong))}"):
            DDN(**wrong)
