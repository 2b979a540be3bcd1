"""Threats whose tensors differ by example."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import ShapeError
from hauberk.identity import identity
from hauberk.threats import GivenBox, L2Ball, LinfBall, MaskedLinfBall, Union
from laws.networks import SHAPE, images

B = 5
X = images(B, 0)
RADII = torch.linspace(0.1, 0.5, B, dtype=torch.float64)
MASKS = torch.rand(B, *SHAPE, generator=torch.Generator().manual_seed(0)) > 0.5
BOXES = (X - RADII.view(-1, 1, 1, 1), X + 2 * RADII.view(-1, 1, 1, 1))
ONE_ROW = torch.full((1, *SHAPE), 2.0)


@dataclass(frozen=True)
class Lifted(ThreatModel):
    """A threat made of another, with a pattern of its own for all examples."""

    inner: ThreatModel
    pattern: Tensor
    name = "lifted"

    @property
    def eps(self):
        return self.inner.eps

    def shared(self, shape):
        return ("pattern",)

    def at(self, x):
        return self.inner.at(x)

    def scaled(self, factor):
        return Lifted(self.inner.scaled(factor), self.pattern)


VARIED = {
    "radii": LinfBall(RADII),
    "boxes": GivenBox(*BOXES),
    "stretched boxes": GivenBox(-ONE_ROW, ONE_ROW, None, RADII),
    "masks": MaskedLinfBall(0.1, MASKS),
    "masks and radii": MaskedLinfBall(RADII, MASKS[:, :, :1]),
    "one mask": MaskedLinfBall(RADII, MASKS[0]),
    "a union of unions": Union([Union([LinfBall(RADII), L2Ball(0.3)]), Union([MaskedLinfBall(0.2, MASKS)])]),
    "a threat inside another": Lifted(L2Ball(RADII), torch.ones(3)),
}
varied = pytest.mark.parametrize("threat", VARIED.values(), ids=VARIED)


@varied
def test_what_differs_by_example_goes_with_it(threat):
    index = torch.tensor([3, 0, 3])
    S, T = threat.at(X).select(index), threat.select(index, X.shape).at(X[index])
    assert torch.equal(T.radius, S.radius)
    assert torch.equal(T.bounding_box().lower, S.bounding_box().lower)
    assert torch.equal(T.bounding_box().upper, S.bounding_box().upper)
    again = threat.select(slice(1, 5), X.shape).select(torch.tensor([2, 3]), (4, *SHAPE)).at(X[3:])
    assert torch.equal(again.radius, threat.at(X).radius[3:])


@varied
def test_another_number_of_examples_is_refused_before_any_set_is_built(threat):
    with pytest.raises(ShapeError, match="5 rows for 9 examples: give one for each of them, or one for all"):
        threat.select(slice(0, 5), (9, *SHAPE))


@pytest.mark.parametrize("eps", [0.1, torch.tensor(0.1), torch.tensor([0.1])], ids=["number", "scalar", "one row"])
def test_what_all_examples_share_stays_as_it_is(eps):
    for threat in (LinfBall(eps), Union([LinfBall(eps), L2Ball(0.2)]), MaskedLinfBall(eps, MASKS[0, 0])):
        assert threat.select(torch.tensor([2, 1]), (7, *SHAPE)) is threat


def test_selected_radii_have_another_identity():
    assert identity(LinfBall(RADII).select(slice(0, 2), X.shape)) == identity(LinfBall(RADII[:2]))
