"""NI-FGSM: paths worked out by hand, the published iteration written out, and what is kept when evaluating."""

import pytest
import torch

from hauberk.attacks import NIFGSM
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import L2Ball, LinfBall
from laws.networks import CLASSES, images, labels, network

DTYPE = torch.float64
PEAK = 0.575


def noise(examples):
    return Noise.of(0, torch.arange(examples))


def hill(x):
    """Return logits of a network of one pixel whose margin loss is 0.1 less than minus the squared distance to PEAK."""
    return torch.cat([torch.full_like(x, 0.1), -((x - PEAK) ** 2)], 1)


def ended(steps, stop=False):
    """Return where the search up the hill ends: steps of 0.02 from 0.5."""
    x = torch.tensor([[0.5]], dtype=DTYPE)
    attack = NIFGSM(Margin(), steps, stop_when_broken=stop)
    return attack(hill, LinfBall(0.2).at(x), torch.tensor([0]), noise=noise(1)).item()


# step  point  sum   ahead  slope
# 1     0.50   0     0.50   +
# 2     0.52   1     0.54   +
# 3     0.54   2     0.58   -      (without looking ahead: +, and the search would overshoot to 0.60)
# 4     0.56   1     0.58   -
# 5     0.56   0     0.56   +
# 6     0.58   1     0.60   -
# 7     0.58   0     0.58   -
# 8     0.56  -1     0.54   +
PATH = [0.5, 0.52, 0.54, 0.56, 0.56, 0.58, 0.58, 0.56, 0.56]


@pytest.mark.parametrize("steps", range(9))
def test_the_search_up_a_hill_is_the_path_worked_out_by_hand(steps):
    assert ended(steps) == pytest.approx(PATH[steps], abs=1e-12)


@pytest.mark.parametrize("steps", range(9))
def test_when_evaluating_the_point_of_largest_loss_is_kept(steps):
    best = min(PATH[: steps + 1], key=lambda point: abs(point - PEAK))
    assert ended(steps, stop=True) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("threat", [LinfBall(0.2), L2Ball(0.8)], ids=str)
def test_on_a_linear_network_every_step_is_along_the_normal(threat):
    x = torch.full((2, 4), 0.5, dtype=DTYPE)
    normal = torch.tensor([0.5, -2.0, 1.0, -1.0], dtype=DTYPE)
    attack = NIFGSM(CrossEntropy(), 3, 0.25, stop_when_broken=False)
    z = attack(lambda x: torch.stack([-x @ normal, 0 * x[:, 0]], 1), threat.at(x), torch.tensor([0, 1]), noise=noise(2))
    length, unit = (0.15, normal.sign()) if isinstance(threat, LinfBall) else (0.6, normal / 2.5)
    torch.testing.assert_close(z, torch.stack([x[0] + length * unit, x[1] - length * unit]), rtol=0, atol=1e-12)


def test_it_is_the_published_iteration():
    graph, x, y = network("residual", 1), images(8, 1), labels(8, 1)
    z, g, seen = x.clone(), torch.zeros_like(x), []
    for _ in range(6):
        ahead = (z + 0.03 * 0.7 * g).requires_grad_()
        (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(graph(ahead), y), ahead)
        g = 0.7 * g + gradient / gradient.abs().sum((1, 2, 3), keepdim=True)
        z = torch.minimum(torch.maximum(z + 0.03 * g.sign(), x - 0.1), x + 0.1).clamp(0, 1)
        seen.append(ahead.detach())
    shown = []

    def recording(point):
        shown.append(point.detach())
        return graph(point)

    attack = NIFGSM(CrossEntropy(), 6, 0.3, 0.7, stop_when_broken=False)
    found = attack(recording, LinfBall(0.1).at(x), y, noise=noise(8))
    torch.testing.assert_close(found, z, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.stack(shown), torch.stack(seen), rtol=0, atol=1e-12)


def test_what_was_met_broken_stays_broken_and_is_dropped():
    graph, x = network("dense", 2, 3.0), images(12, 2)
    y = graph(x).argmax(1)
    y[::3] = (y[::3] + 1) % CLASSES
    S, sizes = LinfBall(0.3).at(x), []

    def counting(point):
        sizes.append(len(point))
        return graph(point)

    z = NIFGSM(Margin(), 5, 0.3)(counting, S, y, noise=noise(12))
    assert torch.equal(z[::3], x[::3])
    assert sizes[:2] == [12, 8]
    met = torch.zeros(12, dtype=torch.bool)
    for steps in range(6):
        last = NIFGSM(Margin(), steps, 0.3, stop_when_broken=False)(graph, S, y, noise=noise(12))
        met |= graph(last).argmax(1) != y
    assert torch.equal(graph(z).argmax(1) != y, met)
    assert met[torch.arange(12) % 3 > 0].any()


def test_a_step_of_no_length_is_refused():
    with pytest.raises(InputError, match="NIFGSM needs step to be"):
        NIFGSM(Margin(), step=0.0)
