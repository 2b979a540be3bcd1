"""Operators without bounds are refused with what to use instead, and are not named among those that have them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.lowering import REFUSALS, RULES
from hauberk.errors import UnsupportedOpError


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x).flatten(1)


REFUSED = {
    "layer norm": (lambda x: F.layer_norm(x, (4,)), "batch norm"),
    "group norm": (lambda x: F.group_norm(x, 2), "batch norm"),
    "instance norm": (lambda x: F.instance_norm(x), "batch norm"),
    "root mean square norm": (lambda x: F.rms_norm(x, (4,)), "batch norm"),
    "softmax": (lambda x: x.softmax(1), "logits"),
    "log softmax": (lambda x: x.log_softmax(1), "logits"),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), "matrix product with a parameter"),
    "einsum": (lambda x: torch.einsum("bchw,bchw->bc", x, x), "torch.matmul"),
    "split": (lambda x: x.split(1, 1)[0], "take slices"),
    "uneven split": (lambda x: x.split([1, 1], 1)[0], "take slices"),
    "chunk": (lambda x: x.chunk(2, 1)[0], "take slices"),
    "unbind": (lambda x: x.unbind(1)[0], "take slices"),
    "adaptive max pooling": (lambda x: F.adaptive_max_pool2d(x, 2), "MaxPool2d"),
    "adaptive max pooling of lines": (lambda x: F.adaptive_max_pool1d(x[:, 0], 2), "MaxPool2d"),
    "adaptive max pooling of volumes": (lambda x: F.adaptive_max_pool3d(x[:, None], 1), "MaxPool2d"),
    "maximum": (lambda x: x.amax((2, 3)), "MaxPool2d"),
    "maximum and where": (lambda x: x.max(1).values, "MaxPool2d"),
    "max pooling with indices": (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], "MaxPool2d"),
    "embedding": (lambda x: F.embedding(x.long()[:, 0, 0], torch.ones(2, 3)), "looked-up vectors"),
}


@pytest.mark.parametrize(("function", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_refused_operator_says_what_to_use(function, advice):
    with pytest.raises(UnsupportedOpError) as refusal:
        capture(Net(function), torch.rand(2, 2, 4, 4))
    reasons, bounded = str(refusal.value).split("Bounded are:")
    assert advice in reasons
    assert "norm" not in bounded.replace("batch_norm", "")


def test_no_operator_is_both_bounded_and_refused():
    assert not REFUSALS.keys() & RULES.keys()
