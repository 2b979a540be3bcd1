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
    "sine over its argument": (lambda x: torch.sinc(x), "a sine or a cosine"),
    "power of two values": (lambda x: x**x, "log(x)"),
    "zeroth power": (lambda x: x**0, "except zero"),
    "power of a negative number": (lambda x: (-2.0) ** x, "positive numbers"),
    "maximum of everything": (lambda x: x.max() * x, "only the first may be the batch"),
    "index of a maximum": (lambda x: x + x.max(1)[1][:, None], "only the first results"),
    "maximum over the batch": (lambda x: x.amax(0, keepdim=True) + x, "only the first may be the batch"),
    "trace": (lambda x: torch.einsum("bcii,bchw->bchw", x, x), "diagonal"),
    "three operands": (lambda x: torch.einsum("bchw,bchw,bchw->bchw", x, x, x), "two operands"),
    "sum over the batch": (lambda x: torch.einsum("bchw,bchw->chw", x, x), "batch"),
    "distances by matrix products": (
        lambda x: torch.cdist(x.flatten(1)[..., None], x.flatten(1)[..., None]),
        "donot_use_mm",
    ),
    "norm below one": (lambda x: torch.linalg.vector_norm(x, 0.5, (1, 2)), "p >= 1"),
    "variance of one number": (lambda x: x[:, :1].var(1, correction=1.0), "divides by zero"),
    "softmax over the batch": (lambda x: x.softmax(0), "batch"),
    "sorting": (lambda x: x.sort(1).values, "amax"),
    "the largest few": (lambda x: x.topk(1, 1).values, "amax"),
    "median": (lambda x: x.median(1).values, "amax"),
    "spectral norm": (lambda x: torch.linalg.matrix_norm(x, "nuc"), "Frobenius"),
    "inverse": (lambda x: torch.linalg.inv(x), "products alone"),
    "determinant": (lambda x: torch.linalg.det(x @ x.mT), "factorizes"),
    "logarithm of sums": (lambda x: torch.logcumsumexp(x, 1), "log(cumsum"),
    "sum without NaN": (lambda x: x.nansum(1), "plain sum"),
    "NaN replaced": (lambda x: x.nan_to_num(), "plain sum"),
    "sampling on a grid": (lambda x: F.grid_sample(x, x.permute(0, 2, 3, 1)), "interpolate"),
    "scattered": (lambda x: torch.slice_scatter(x, x[:, :1], 1, 1, 2), "concatenate"),
    "added by index": (lambda x: x.index_add(1, torch.tensor([0]), x[:, :1]), "concatenate"),
    "rounded division": (lambda x: x // 2, "by attacks"),
    "remainder": (lambda x: x % 2, "by attacks"),
    "comparison": (lambda x: torch.where(x > x.flip(1), x, 0.0), "by attacks"),
    "spectrum": (lambda x: torch.fft.rfft(x).real, "matrix product"),
    "embedding": (lambda x: F.embedding(x.long()[:, 0, 0], torch.ones(2, 3)), "looked-up vectors"),
}


@pytest.mark.parametrize(("function", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_refused_operator_says_what_to_use(function, advice):
    with pytest.raises(UnsupportedOpError) as refusal:
        capture(Net(function), torch.rand(2, 2, 4, 4))
    reasons, bounded = str(refusal.value).split("Bounded are:")
    assert advice in reasons
    assert bounded


def test_no_operator_is_both_bounded_and_refused():
    assert not REFUSALS.keys() & RULES.keys()
