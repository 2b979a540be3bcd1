"""AlexNet for small images."""

import pytest
import torch
from torch import nn

from hauberk.architectures import AlexNet
from hauberk.errors import ShapeError


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 17, 40), (1, 16, 16)])
def test_logits_are_one_per_class_and_five_relus_precede_them(shape):
    network = AlexNet(shape, classes=7, width=2)
    assert network(torch.zeros(2, *shape)).shape == (2, 7)
    assert sum(isinstance(part, nn.ReLU) for part in network) == 5


def test_filters_are_those_of_the_published_network():
    convolutions = [part for part in AlexNet((3, 32, 32), 10) if isinstance(part, nn.Conv2d)]
    assert [part.out_channels for part in convolutions] == [64, 192, 384, 256, 256]
    assert convolutions[0].stride == (2, 2)


def test_images_too_small_to_halve_four_times_are_refused():
    with pytest.raises(ShapeError, match="at least 16"):
        AlexNet((3, 15, 32), 10)
