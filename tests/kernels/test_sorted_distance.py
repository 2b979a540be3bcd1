"""The sums of sorted distances of both CPU twins against the formula in float64."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from hauberk.kernels import sorted_distance as kernel
from hauberk.kernels.lp_distance import lp_distance
from hauberk.kernels.rows import COMPILED
from hauberk.kernels.sorted_distance import shares_of, sorted_distance

SHARES = {
    "one": [1.0],
    "two": [0.75, 0.25],
    "ten of 0.3": shares_of(0.3, 10),
    "equal": [0.25] * 4,
    "with zeros": [0.5, 0.0, 0.5],
}
SIZES = [(1, 1, 1), (2, 3, 7), (9, 5, 65), (5, 40, 130)]
both = pytest.mark.usefixtures("twin")
shared = pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)


@pytest.fixture(params=["compiled", "plain"])
def twin(request, monkeypatch):
    if request.param == "compiled" and not COMPILED:
        pytest.skip("without numba the plain twin is all there is to test")
    monkeypatch.setattr(kernel, "COMPILED", request.param == "compiled")


def problem(b, o, i, dtype=torch.float32, scale=1.0):
    generator = torch.Generator().manual_seed(b + o + i)
    drawn = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((b, i), (o, i), (b, o))]
    return [(t * size).to(dtype) for t, size in zip(drawn, (scale, scale, 1), strict=True)]


def formula(first, second, w, shares):
    d = torch.maximum(first[..., None, :] - w, w - second[..., None, :]).clamp(min=0)
    d = F.pad(d.sort(-1, descending=True).values, (0, max(len(shares) - d.shape[-1], 0)))
    return d[..., : len(shares)] @ d.new_tensor(shares)


def differentiated(function, tensors, shares, grad):
    tensors = [t.detach().requires_grad_() for t in tensors]
    sums = function(*tensors, shares)
    return [sums.detach(), *torch.autograd.grad(sums, tensors, grad.to(sums.dtype))]


def point(function):
    return lambda x, w, shares: function(x, x, w, shares)


def check(function, tensors, shares, grad, eps=2**-23):
    found = differentiated(function(sorted_distance), tensors, shares, grad)
    wanted = differentiated(function(formula), [t.double() for t in tensors], shares, grad)
    assert {t.dtype for t in found} == {tensors[-1].dtype}
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=16 * eps, atol=16 * eps * other.abs().max().item())


@both
@shared
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_and_gradients_are_those_of_the_formula(size, shares):
    x, w, grad = problem(*size)
    check(point, (x, w), shares, grad)


@both
@shared
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_over_boxes_they_are_the_least_and_largest_sums(size, shares):
    x, w, grad = problem(*size)
    high = x + torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) ** 2
    for first, second in ((x, high), (high, x)):
        check(lambda function: function, (first, second, w), shares, grad)


@both
@pytest.mark.parametrize("scale", [1e-37, 1e-30, 1e-3, 1e3, 1e6, 1e30, 1e37])
def test_scales_neither_overflow_nor_vanish(scale):
    x, w, grad = problem(3, 4, 9, scale=scale)
    check(point, (x, w), shares_of(0.3, 5), grad)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_other_precisions(dtype):
    x, w, grad = problem(3, 4, 9, dtype)
    check(point, (x, w), SHARES["two"], grad, torch.finfo(dtype).eps)


@both
@pytest.mark.parametrize("places", [(0, 1, 2), (3, 17, 70)], ids=str)
def test_equal_distances_share_the_gradient_in_some_order(places):
    x, w = torch.zeros(1, 80), torch.zeros(1, 80)
    for place, value in zip(places, (2.0, -2.0, 2.0), strict=True):
        x[0, place] = value
    sums, dx, dw = differentiated(point(sorted_distance), (x, w), [0.5, 0.375, 0.125], torch.ones(1, 1))
    assert sums == 2
    assert dx[0, places].sign().tolist() == [1, -1, 1]
    assert dx[0, places].abs().sort().values.tolist() == [0.125, 0.375, 0.5]
    assert torch.equal(dx, -dw)
    assert dx.count_nonzero() == 3


@both
def test_weights_inside_a_box_have_no_distance_and_no_gradient():
    low, high, w = torch.full((1, 20), -1.0), torch.full((1, 20), 1.0), torch.zeros(1, 20)
    low[0, 7] = 0.5
    sums, *gradients = differentiated(sorted_distance, (low, high, w), [0.75, 0.25], torch.ones(1, 1))
    assert sums == 0.375
    for gradient, slope in zip(gradients, (0.75, 0, -0.75), strict=True):
        assert torch.equal(gradient, slope * F.one_hot(torch.tensor([7]), 20))


@both
@pytest.mark.parametrize("bad", [torch.nan, -torch.nan, torch.inf, -torch.inf], ids=["nan", "-nan", "inf", "-inf"])
@pytest.mark.parametrize("side", ["x", "w"])
@pytest.mark.parametrize("inputs", [3, 40])
def test_what_is_not_finite_stays_so(inputs, side, bad):
    x, w, grad = problem(3, 3, inputs)
    (x if side == "x" else w)[1, inputs - 1] = bad
    for sums in (
        sorted_distance(x, x, w, [0.75, 0.25]),
        differentiated(point(sorted_distance), (x, w), [1.0], grad)[0],
    ):
        sums = sums if side == "x" else sums.T
        assert not sums[1].isfinite().any()
        assert sums[[0, 2]].isfinite().all()


@both
def test_any_strides_dimensions_before_the_last_and_empty_batches():
    x, w, grad = problem(6, 3, 5)
    shares, one = SHARES["two"], torch.ones(()).expand(6, 3)
    flat = differentiated(point(sorted_distance), (x, w), shares, one)
    strided = differentiated(point(sorted_distance), (x.T.contiguous().T, w.T.contiguous().T), shares, one.contiguous())
    several = differentiated(point(sorted_distance), (x.view(2, 3, 5), w), shares, one.view(2, 3, 3))
    for wanted, first, second in zip(flat, strided, several, strict=True):
        assert torch.equal(first, wanted)
        assert torch.equal(second.view(wanted.shape), wanted)
    expanded = x[:1].expand(6, 5)
    assert torch.equal(sorted_distance(expanded, expanded, w, shares), flat[0][:1].expand(6, 3))
    empty = differentiated(point(sorted_distance), (x[:0], w), shares, grad[:0])
    assert [t.shape for t in empty] == [(0, 3), (0, 5), (3, 5)]
    assert not empty[2].any()


@both
def test_only_what_needs_a_gradient_gets_one():
    x, w, grad = problem(3, 4, 9)
    sums, *gradients = differentiated(point(sorted_distance), (x, w), SHARES["two"], grad)
    needing = x.clone().requires_grad_(), w.clone().requires_grad_()
    for pair, one, gradient in zip(((needing[0], w), (x, needing[1])), needing, gradients, strict=True):
        (got,) = torch.autograd.grad(sorted_distance(pair[0], *pair, SHARES["two"]), one, grad)
        assert torch.equal(got, gradient)
    with torch.no_grad():
        still = sorted_distance(needing[0], *needing, SHARES["two"])
    for result in (still, sorted_distance(x, x, w, SHARES["two"])):
        assert not result.requires_grad
        torch.testing.assert_close(result, sums)


def test_gradients_are_central_differences():
    x, w, _ = problem(2, 3, 5, torch.float64)
    given = x.requires_grad_(), (x.detach() + 0.3).requires_grad_(), w.requires_grad_()
    assert torch.autograd.gradcheck(lambda *t: sorted_distance(*t, SHARES["two"]), given)
    assert torch.autograd.gradcheck(lambda x, w: sorted_distance(x, x, w, SHARES["two"]), (x, w))


@pytest.mark.parametrize(("dtype", "gradient"), [(torch.float32, False), (torch.float64, True)], ids=str)
def test_the_operator_keeps_the_rules_of_custom_operators(dtype, gradient):
    x, w, _ = (t.requires_grad_(gradient) for t in problem(2, 3, 5, dtype))
    torch.library.opcheck(torch.ops.hauberk.sorted_distance.default, (x, x + 1, w, [0.75, 0.25]))


@both
def test_a_single_share_gives_the_largest_distance_exactly_with_its_gradient():
    x, w, grad = problem(9, 5, 65)
    largest = differentiated(lambda x, w, p: lp_distance(x, w, p), (x, w), torch.tensor(torch.inf), grad)
    for one, other in zip(
        differentiated(point(sorted_distance), (x, w), shares_of(1.0, 10), grad), largest, strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("terms", [1, 10])
def test_shares_are_geometric_and_sum_up_to_1(keep, terms):
    shares = shares_of(keep, terms)
    assert sum(shares) == pytest.approx(1, abs=1e-12)
    assert len(shares) == (1 if keep == 1 else terms)
    for one, following in itertools.pairwise(shares):
        assert following == pytest.approx((1 - keep) * one)


@pytest.mark.parametrize(("keep", "tail"), [(0.3, 0.0282), (0.7, 5.9e-6)])
def test_the_share_cut_off_is_that_of_the_geometric_tail(keep, tail):
    assert 1 - keep / shares_of(keep, 10)[0] == pytest.approx(tail, rel=0.01)
    assert tail == pytest.approx((1 - keep) ** 10, rel=0.01)
