"""Examples leave a search, on an accelerator only now and then."""

from math import inf

import pytest
import torch

from attacks.searches import noise
from hauberk.searches.nearest import Nearest
from hauberk.searches.search import PATIENCE, Search
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet

B = 4
Y = torch.zeros(B, dtype=torch.long)
BROKEN = torch.tensor([False, True, False, True])
POINTS = torch.linspace(0.4, 0.6, 3 * B).view(B, 3)


def search():
    return Search(LinfBall(0.3).at(torch.full((B, 3), 0.5)), Y, None, noise(B))


def test_the_first_misclassified_point_is_kept_or_else_that_of_the_largest_loss():
    found = search()
    loss = torch.tensor([1.0, 1.0, 5.0, torch.nan])
    assert found.meet(torch.zeros_like(BROKEN), POINTS, loss).tolist() == [True, True, True, False]
    assert found.meet(BROKEN, POINTS + 0.1, loss - 0.5).tolist() == [False, True, False, True]
    assert found.meet(BROKEN, POINTS + 0.2, loss + 0.5).tolist() == [True, False, True, False]
    expected = torch.stack([POINTS[0] + 0.2, POINTS[1] + 0.1, POINTS[2] + 0.2, POINTS[3] + 0.1])
    assert torch.equal(found.answers(), expected)
    assert found.most.tolist() == [1.5, inf, 5.5, inf]


def test_broken_examples_leave_with_their_rows_and_keep_their_points():
    found = search()
    found.meet(BROKEN, POINTS)
    (left,) = found.pack(torch.arange(B))
    assert left.tolist() == found.index.tolist() == [0, 2]
    assert len(found) == len(found.S.radius) == len(found.noise.keys) == 2
    found.meet(torch.ones(2, dtype=torch.bool), POINTS[:2] + 0.3)
    assert found.pack(torch.arange(2))[0].tolist() == []
    answers = found.answers(torch.zeros(0, 3))
    assert torch.equal(answers, torch.stack([POINTS[0] + 0.3, POINTS[1], POINTS[1] + 0.3, POINTS[3]]))


def test_without_a_loss_the_answer_is_given_where_nothing_is_broken():
    found = search()
    found.meet(BROKEN, POINTS)
    assert torch.equal(found.answers(POINTS + 1), torch.where(BROKEN[:, None], POINTS, POINTS + 1))


@pytest.mark.parametrize("kind", ["search", "nearest"])
def test_an_accelerator_is_asked_every_tenth_step(kind):
    S = LinfSet.around(torch.zeros(B, 3, device="meta"), torch.zeros(B, device="meta"), (0.0, 1.0))
    parts = S, Y.to("meta")
    found = Search(*parts, None, noise(B)) if kind == "search" else Nearest(*parts, noise(B), enough=True)
    for _ in range(PATIENCE - 1):
        found.meet(BROKEN.to("meta"), S.start)
        found.pack()
    with pytest.raises(NotImplementedError, match="nonzero"):
        found.pack()
