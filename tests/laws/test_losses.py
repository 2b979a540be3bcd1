"""What every adversarial loss obeys, and the closed forms of the three."""

import math

import pytest
import torch

from hauberk.concepts.loss import AdversarialLoss
from hauberk.errors import ShapeError
from hauberk.losses import DLR, CrossEntropy, Margin
from laws.instances import instances, label

DTYPE = torch.float64
LOSSES = pytest.mark.parametrize("loss", instances(AdversarialLoss), ids=label)


def logits(examples=50, classes=5, seed=0):
    return torch.randn(examples, classes, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)


def labels(examples=50, classes=5):
    return torch.arange(examples) % classes


@LOSSES
def test_one_finite_number_per_example_that_depends_on_that_example_alone(loss):
    z, y = logits(), labels()
    together = loss(z, y)
    assert together.shape == (50,)
    assert together.isfinite().all()
    for i in (0, 7):
        torch.testing.assert_close(loss(z[i : i + 1], y[i : i + 1]), together[i : i + 1], rtol=0, atol=1e-12)


@LOSSES
def test_a_common_shift_of_the_logits_changes_nothing(loss):
    z, y = logits(), labels()
    torch.testing.assert_close(loss(z + 3.7, y), loss(z, y), rtol=0, atol=1e-9)


@LOSSES
def test_the_loss_falls_with_the_labels_own_logit_and_its_gradient_shows_it(loss):
    z, y = logits().requires_grad_(), labels()
    own = torch.nn.functional.one_hot(y, 5) * 1e-3
    assert (loss(z + own, y) <= loss(z, y)).all()
    (gradient,) = torch.autograd.grad(loss(z, y).sum(), z)
    assert (gradient.gather(1, y[:, None]) <= 0).all()
    torch.testing.assert_close(gradient.sum(1), torch.zeros(50, dtype=DTYPE), rtol=0, atol=1e-9)


@LOSSES
def test_gradients_are_those_of_finite_differences(loss):
    assert torch.autograd.gradcheck(lambda z: loss(z, labels(10)), logits(10, seed=3).requires_grad_())


@LOSSES
def test_with_a_target_it_is_that_class_whose_lead_counts(loss):
    z, y = logits(), labels()
    targets = [(y + ahead) % 5 for ahead in range(1, 5)]
    raised = [z + 10 * torch.nn.functional.one_hot(target, 5) for target in targets]
    for target, ahead in zip(targets, raised, strict=True):
        for other in raised:
            assert other is ahead or (loss(ahead, y, target) > loss(other, y, target)).all()


@pytest.mark.parametrize("signed", [DLR(), Margin()], ids=label)
def test_positive_exactly_where_misclassified(signed):
    z, y = logits(400), labels(400)
    assert torch.equal(signed(z, y) > 0, z.argmax(1) != y)


def test_margin_and_dlr_by_their_formulas():
    z, y = torch.tensor([[3.0, 1.0, 0.5], [1.0, 4.0, 2.0]], dtype=DTYPE), torch.tensor([0, 2])
    torch.testing.assert_close(Margin()(z, y), torch.tensor([-2.0, 2.0], dtype=DTYPE))
    torch.testing.assert_close(DLR()(z, y), torch.tensor([-2 / 2.5, 2 / 3], dtype=DTYPE))


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_classes():
    loss = CrossEntropy()(torch.full((3, 7), 2.0, dtype=DTYPE), torch.tensor([0, 3, 6]))
    torch.testing.assert_close(loss, torch.full((3,), math.log(7), dtype=DTYPE))


@pytest.mark.parametrize("scale", [1e-3, 0.5, 20.0])
def test_dlr_does_not_change_with_a_positive_scale(scale):
    z, y = logits(), labels()
    torch.testing.assert_close(DLR()(scale * z - 5, y), DLR()(z, y), rtol=0, atol=1e-6)


def test_dlr_of_equal_logits_is_finite():
    assert DLR()(torch.zeros(2, 4), torch.tensor([0, 3])).tolist() == [0.0, 0.0]


def test_dlr_refuses_two_classes_and_says_what_to_use():
    with pytest.raises(ShapeError, match=r"3 classes.*2.*Margin"):
        DLR()(torch.zeros(1, 2), torch.tensor([0]))
