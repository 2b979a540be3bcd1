"""The penalty on neurons without a certain sign."""

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.losses import CrossEntropy
from hauberk.objectives import Adversarial, BoundRegularized
from hauberk.regularizers import ReLUStability
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

END = Progress(0, 1, 1)


@pytest.mark.parametrize(
    ("lower", "upper", "value"), [(-1.0, 1.0, 0.0), (-0.1, 0.2, -0.753), (-3.0, -1.0, -0.9993), (-9.0, 9.0, 1.0)]
)
def test_a_neuron_counts_as_published(lower, upper, value):
    graph = capture(nn.Sequential(nn.ReLU(), nn.Linear(1, 2)), torch.zeros(2, 1)).frozen()
    boxes = [Box(torch.tensor([[lower]]), torch.tensor([[upper]]))] * 3
    found = ReLUStability(Constant(2.0))(graph, boxes, END)
    assert found.item() == pytest.approx(2 * value, abs=2e-4)


def test_it_adds_up_neurons_and_averages_examples_beside_the_objective():
    graph, x, y = network("convolutional", 0), images(5, 0), labels(5, 0)
    adversarial = Adversarial(FGSM(CrossEntropy()), CrossEntropy())
    objective = BoundRegularized(adversarial, Interval(), [ReLUStability(Constant(0.01))])
    arguments = {"progress": END, "noise": Noise.of(0, torch.arange(5))}
    found = objective(graph, x, y, LinfBall(0.05), **arguments)
    plain = adversarial(graph, x, y, LinfBall(0.05), progress=END, noise=Noise.of(0, torch.arange(5)).fold(0))
    frozen = graph.frozen()
    boxes = Interval().boxes(frozen, LinfBall(0.05).at(x), outward=False)
    layers = [boxes[i].lower * boxes[i].upper for i in frozen.relaxed]
    penalty = sum(-0.01 * torch.tanh(1 + layer).sum() / 5 for layer in layers)
    torch.testing.assert_close(found.loss, plain.loss + penalty)
    assert found.correct is None  # no clean logits were needed
