"""DeepFool on linear classifiers, in every norm that has a dual one."""

import pytest
import torch

from attacks.linear import B, centred, classifier, excess, flat, noise
from hauberk.attacks import DeepFool
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.instances import label


@pytest.mark.parametrize(
    ("threat", "classes"),
    [(t, k) for t in (LinfBall(0.1), L2Ball(1.0), L1Ball(1.0, None)) for k in (2, 5)] + [(L1Ball(1.0), 2)],
    ids=label,
)
def test_answers_are_nearly_as_near_as_any_on_a_linear_classifier(threat, classes):
    found = excess(DeepFool(), classifier(classes), threat, centred())
    assert found.max() <= 0.03
    assert found.min() >= -1e-9


def test_the_point_after_the_last_step_counts():
    found = excess(DeepFool(steps=1), classifier(2), L2Ball(1.0), centred())
    assert found.isfinite().all()
    assert found.max() <= 0.03


def test_the_overshoot_lengthens_the_perturbation():
    near, far = (excess(DeepFool(overshoot=o), classifier(), L2Ball(1.0), centred()) for o in (0.0, 0.2))
    torch.testing.assert_close((1 + far) / (1 + near), torch.full_like(near, 1.2))


def test_classes_of_small_logits_are_not_followed():
    """The second class is close in its logit, the third is closer in distance."""
    weight = torch.tensor([[0.0, 0.1, 0.0], [0.0, 0.0, 1.0]]).double()

    def network(x):
        return x.flatten(1)[:, :2] @ weight + torch.tensor([0.0, -0.05, -0.2]).double()

    x, y = torch.full((1, 1, 2, 2), 0.1).double(), torch.tensor([0])
    S = L2Ball(1.0).at(x)
    for classes, distance, label_ in ((2, 0.4, 1), (3, 0.1, 2), (10, 0.1, 2)):
        z = DeepFool(classes=classes, overshoot=0.0)(network, S, y, noise=noise(1))
        assert S.distance(z).item() == pytest.approx(distance, abs=1e-3)
        assert network(z).argmax(1).item() == label_


def test_a_zero_gradient_stays_finite_and_finds_nothing():
    x = centred()
    for threat in (LinfBall(0.1), L2Ball(1.0), L1Ball(1.0)):
        assert torch.equal(DeepFool()(flat, threat.at(x), torch.zeros(B, dtype=torch.long), noise=noise()), x)


def test_refusals():
    x, y = centred(), torch.zeros(B, dtype=torch.long)
    for S, message in (
        (Union([LinfBall(0.1)]).at(x), "DeepFool is defined for balls in any norm"),
        (L0Ball(3).at(x), "DeepFool needs a dual norm"),
    ):
        with pytest.raises(UnsupportedSetError, match=message):
            DeepFool()(classifier(), S, y, noise=noise())
    for wrong in ({"steps": 0}, {"classes": 1}, {"overshoot": -1.0}):
        with pytest.raises(InputError, match=f"DeepFool needs .*{next(iter(wrong))}"):
            DeepFool(**wrong)
