import pytest
import torch

from hauberk.datasets import MNIST, Subset
from hauberk.errors import InputError


def test_it_holds_the_first_examples_of_each_split():
    whole, data = MNIST(), Subset(MNIST(), train=70, test=30)
    for part, all_of_it, count in ((data.train(), whole.train(), 70), (data.test(), whole.test(), 30)):
        assert torch.equal(part.inputs, all_of_it.inputs[:count])
        assert torch.equal(part.labels, all_of_it.labels[:count])
    assert (data.shape, data.range, data.classes) == (whole.shape, whole.range, whole.classes)
    assert data.name == "MNIST (first 70 training examples, first 30 test examples)"


def test_what_is_not_limited_is_whole():
    assert len(Subset(MNIST(), train=5).test()) == 10_000
    assert Subset(MNIST()).name == "MNIST"


def test_counts_that_cannot_be_met_are_refused():
    with pytest.raises(InputError, match="test to be a positive integer or null, but it is 0"):
        Subset(MNIST(), test=0)
    with pytest.raises(InputError, match="only 10,000 examples"):
        Subset(MNIST(), test=10_001).test()
