"""The l_p distances of both CPU twins against the formula in float64, and the reaches of boxes."""

import numpy as np
import pytest
import torch

from hauberk.errors import UnsupportedOpError
from hauberk.kernels import lp_distance as kernel
from hauberk.kernels import lp_reach as boxes
from hauberk.kernels.lp_distance import lp_distance
from hauberk.kernels.lp_reach import extremes, lp_reach
from hauberk.kernels.rows import COMPILED

INF, NAN = torch.inf, torch.nan
EXPONENTS = [1.0, 1.5, 2.0, 8.0, 8.5, 30.0, 100.0, 1000.0, INF]
KINDS = [1.0, 1.5, 8.0, 8.5, 1000.0, INF]
# One number, odd sizes, several vectors, tiles, panels of weights and chunks of inputs.
SIZES = [(1, 1, 1), (2, 3, 7), (9, 5, 65), (66, 33, 3), (3, 258, 2), (2, 2, 1350)]
both = pytest.mark.usefixtures("twin")
exponents = pytest.mark.parametrize("p", EXPONENTS)
kinds = pytest.mark.parametrize("p", KINDS)
sides = pytest.mark.parametrize("side", ["x", "w"])
bads = pytest.mark.parametrize("bad", [NAN, -NAN, INF, -INF], ids=["nan", "-nan", "inf", "-inf"])


@pytest.fixture(params=["compiled", "plain"])
def twin(request, monkeypatch):
    if request.param == "compiled" and not COMPILED:
        pytest.skip("without numba the plain twin is all there is to test")
    for module in (kernel, boxes):
        monkeypatch.setattr(module, "COMPILED", request.param == "compiled")


def problem(b, o, i, scale=1.0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(b + o + i)
    drawn = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((b, i), (o, i), (b, o))]
    return [(t * size).to(dtype) for t, size in zip(drawn, (scale, scale, 1), strict=True)]


def norms(d, p):
    """Return the norms of the last dimension; the gradient of a maximum is that of the first entry that attains it."""
    place = torch.from_numpy(np.argmax(d.detach().abs().numpy(), -1))[..., None]
    most = d.gather(-1, place).abs()
    if p == INF:
        return most[..., 0]
    scale = torch.where(most > 0, most, 1).detach()
    return (scale * ((d.abs() / scale) ** p).sum(-1, keepdim=True) ** (1 / p))[..., 0]


def differentiated(function, tensors, grad):
    tensors = [t.detach().requires_grad_() for t in tensors]
    u = function(*tensors)
    return [u.detach(), *torch.autograd.grad(u, tensors, grad.to(u.dtype))]


def found(x, w, p, grad):
    return differentiated(lambda x, w: lp_distance(x, w, torch.tensor(p, dtype=w.dtype)), (x, w), grad)


def check(x, w, p, grad, eps=2**-23):
    u, *gradients = found(x, w, p, grad)
    assert {t.dtype for t in (u, *gradients)} == {x.dtype}
    wide = [t.double() for t in (x, w)]
    exact, *wanted = differentiated(lambda x, w: norms(x[:, None] - w, p), wide, grad)
    torch.testing.assert_close(u.double(), exact, rtol=16 * eps, atol=0)
    for gradient, right in zip(gradients, wanted, strict=True):
        # Powers multiply the relative errors of differences and norms, of half a unit in the last place each, by p.
        error = 4 * eps * (10 if p == INF else max(p, 10)) * right.abs().max().item()
        torch.testing.assert_close(gradient.double(), right, rtol=0, atol=error)


@both
@exponents
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_and_gradients_are_those_of_the_formula(size, p):
    x, w, grad = problem(*size)
    check(x, w, p, grad)


@both
@kinds
@pytest.mark.parametrize("scale", [1e-37, 1e-30, 1e-3, 1e3, 1e6, 1e30, 1e37])
def test_scales_neither_overflow_nor_vanish(scale, p):
    x, w, grad = problem(3, 4, 9, scale)
    check(x, w, p, grad)


@kinds
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_double_precision_is_double(scale, p):
    x, w, grad = problem(3, 4, 9, scale, torch.float64)
    check(x, w, p, grad, eps=2**-52)


@pytest.mark.parametrize("p", [1.0, 1.5, 8.0, 8.5, 30.0, INF])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_half(dtype, p):
    x, w, grad = problem(3, 4, 9, dtype=dtype)
    check(x, w, p, grad, torch.finfo(dtype).eps)


@both
@kinds
def test_differences_below_normal_numbers_stay_below(p):
    u, dx, dw = found(torch.full((1, 8), 1e-40), torch.zeros(1, 8), p, torch.ones(1, 1))
    assert 1e-41 < u < 1e-39
    assert dx.isfinite().all()
    assert dw.isfinite().all()


@both
@kinds
def test_what_overflows_is_not_finite(p):
    assert not lp_distance(torch.full((2, 40), 3e38), torch.full((1, 40), -3e38), torch.tensor(p)).isfinite().any()


@both
@pytest.mark.parametrize("p", [1.0, 1.5])
def test_at_low_exponents_small_differences_count(p):
    x, w = torch.full((1, 64), 1e-10), torch.zeros(1, 64)
    x[0, -1] = 1.0
    check(x, w, p, torch.ones(1, 1))


@both
@pytest.mark.parametrize("places", [(0, 1), (3, 70), (15, 16), (40, 1300)], ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_of_equal_maxima_gets_the_gradient(places, sign):
    x, w = torch.zeros(2, 1400), torch.zeros(3, 1400)
    x[:, places[0]], x[:, places[1]] = 3 * sign, -3 * sign
    u, dx, dw = found(x, w, INF, torch.ones(2, 3))
    assert torch.equal(u, torch.full((2, 3), 3.0))
    expected = torch.zeros(1400)
    expected[places[0]] = sign
    assert torch.equal(dx, 3 * expected.expand(2, -1))
    assert torch.equal(dw, -2 * expected.expand(3, -1))


@both
@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_where_the_distance_is_0_so_is_the_gradient_but_at_infinity_the_sign_is_minus_1(dtype, p):
    x = problem(1, 1, 5, dtype=dtype)[0]
    u, dx, dw = found(x, x.clone(), p, torch.ones(1, 1))
    sign = torch.tensor([[-1.0 if p == INF else 0.0, 0, 0, 0, 0]], dtype=dtype)
    assert u == 0
    assert torch.equal(dx, sign)
    assert torch.equal(dw, -sign)


@both
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_places_of_maxima_tell_the_sign(size):
    x, w, _ = problem(*size)
    x[0] = w[0]
    u, where = kernel.forward(x, w, torch.tensor(INF), places=True)
    d = (x[:, None] - w).numpy()
    i = torch.from_numpy(np.argmax(np.abs(d), -1))
    ahead = torch.from_numpy(d).gather(2, i[..., None])[..., 0] > 0
    assert torch.equal(where, torch.where(ahead, i, ~i).int())
    assert torch.equal(u, kernel.forward(x, w, torch.tensor(INF), places=False)[0])


def with_bad(side, bad):
    x, w, grad = problem(3, 3, 40)
    (x if side == "x" else w)[1, 37] = bad
    return x, w, grad


@both
@kinds
@sides
@bads
def test_values_of_what_is_not_finite_are_not_finite_either(bad, side, p):
    x, w, grad = with_bad(side, bad)
    for u in (lp_distance(x, w, torch.tensor(p)), found(x, w, p, grad)[0]):
        u = u if side == "x" else u.T
        assert not u[1].isfinite().any()
        assert u[[0, 2]].isfinite().all()


@both
@pytest.mark.parametrize("p", [1.5, 8.0, 8.5, 1000.0])
@sides
@pytest.mark.parametrize("bad", [NAN, INF], ids=str)
def test_gradients_at_what_is_not_finite_are_not_finite_either(bad, side, p):
    _, dx, dw = found(*with_bad(side, bad)[:2], p, torch.ones(3, 3))
    own, other = (dx, dw) if side == "x" else (dw, dx)
    assert not own[1, 37].isfinite()
    assert not other[:, 37].isfinite().any()
    assert own[[0, 2]].isfinite().all()


@both
@kinds
def test_any_strides_and_expanded_tensors(p):
    x, w, _ = problem(4, 3, 6)
    x, one = x[:1].expand(4, 6), torch.ones(()).expand(4, 3)
    strided = found(x.T.contiguous().T, torch.cat([w, w], 1)[:, :6], p, one)
    for got, wanted in zip(strided, found(x.contiguous(), w, p, one.contiguous()), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)


@both
@kinds
def test_dimensions_before_the_last_are_a_batch(p):
    x, w, grad = problem(6, 3, 5)
    u, dx, dw = found(x.view(2, 3, 5), w, p, grad.view(2, 3, 3))
    for got, wanted in zip((u.flatten(0, 1), dx.flatten(0, 1), dw), found(x, w, p, grad), strict=True):
        assert torch.equal(got, wanted)


@both
@kinds
@pytest.mark.parametrize("shape", [(0, 4), (0, 3, 4), (2, 0, 4)], ids=str)
def test_an_empty_batch_has_no_distances_and_no_gradient(shape, p):
    u, dx, dw = found(torch.ones(shape), torch.ones(5, 4), p, torch.ones(*shape[:-1], 5))
    assert (u.shape, dx.shape) == ((*shape[:-1], 5), shape)
    assert torch.equal(dw, torch.zeros(5, 4))


@both
@kinds
def test_only_what_needs_a_gradient_gets_one(p):
    x, w, grad = problem(3, 4, 9)
    u, *gradients = found(x, w, p, grad)
    needing = x.clone().requires_grad_(), w.clone().requires_grad_()
    for pair, one, gradient in zip(((needing[0], w), (x, needing[1])), needing, gradients, strict=True):
        (got,) = torch.autograd.grad(lp_distance(*pair, torch.tensor(p)), one, grad)
        assert torch.equal(got, gradient)
    with torch.no_grad():
        still = lp_distance(*needing, torch.tensor(p))
    for result in (still, lp_distance(x, w, torch.tensor(p))):
        assert not result.requires_grad
        torch.testing.assert_close(result, u, rtol=1e-6, atol=0)


def test_inputs_are_raised_to_the_precision_of_the_weights():
    x, w, grad = problem(3, 4, 9)
    u, dx, _ = found(x.bfloat16(), w, 8.0, grad)
    assert torch.equal(u, lp_distance(x.bfloat16().float(), w, torch.tensor(8.0)))
    assert (u.dtype, dx.dtype) == (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("p", [1.5, 2.0, 8.0, 30.0, INF])
def test_gradients_are_central_differences(p):
    x, w, _ = (t.requires_grad_() for t in problem(2, 3, 5, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda x, w: lp_distance(x, w, torch.tensor(p)), (x, w))


def test_a_second_derivative_is_refused():
    x, w, _ = problem(2, 3, 5)
    u = lp_distance(x.requires_grad_(), w, torch.tensor(8.0))
    (dx,) = torch.autograd.grad(u.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


@pytest.mark.parametrize(("dtype", "gradient"), [(torch.float32, False), (torch.float64, True)], ids=str)
def test_the_operator_keeps_the_rules_of_custom_operators(dtype, gradient):
    x, w, _ = (t.requires_grad_(gradient) for t in problem(2, 3, 5, dtype=dtype))
    torch.library.opcheck(torch.ops.hauberk.lp_distance.default, (x, w, torch.tensor(8.0)))


@both
@pytest.mark.parametrize("p", [8.0, 100.0, 1000.0, 1e4, 1e6, 1e10])
def test_norms_lie_between_the_largest_difference_and_its_multiple(p):
    x, w, _ = problem(20, 30, 77)
    w[0] = x[0] + 1  # all differences are equal
    u, most = (lp_distance(x, w, torch.tensor(q)) for q in (p, INF))
    assert (u >= most * (1 - 1e-6)).all()
    assert (u <= most * 77 ** (1 / p) * (1 + 1e-6)).all()
    torch.testing.assert_close(u[0, 0], most[0, 0] * 77 ** (1 / p), rtol=1e-6, atol=0)


@both
@pytest.mark.parametrize("p", [8.0, 100.0, 1000.0])
def test_one_pass_over_blocks_with_a_running_maximum_gives_the_same(p):
    x, w, _ = problem(3, 4, 96)
    largest, total = torch.zeros(3, 4), torch.zeros(3, 4)
    for block, weight in zip(x.split(7, 1), w.split(7, 1), strict=True):
        d = (block[:, None] - weight).abs()
        new = torch.maximum(largest, d.amax(2))
        total = total * (largest / new) ** p + ((d / new[..., None]) ** p).sum(2)
        largest = new
    torch.testing.assert_close(lp_distance(x, w, torch.tensor(p)), largest * total ** (1 / p), rtol=1e-6, atol=0)


def ends(b, o, i, dtype=torch.float32):
    x, w, grad = problem(b, o, i, dtype=dtype)
    width = torch.rand(b, i, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    return x, x + width.square(), w, grad


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("p", [1.0, 3.0, 8.0, INF])
@pytest.mark.parametrize("size", [(1, 1, 1), (9, 35, 70)], ids=str)
def test_reaches_are_the_least_and_the_largest_distances_of_boxes(size, p, dtype):
    low, high, w, grad = ends(*size, dtype)
    below, above = (low[:, None] - w).abs(), (high[:, None] - w).abs()
    least = torch.where((low[:, None] < w) & (w < high[:, None]), 0, torch.minimum(below, above))
    for first, second, d in ((low, high, least), (high, low, torch.maximum(below, above))):
        u = lp_reach(first, second, w, torch.tensor(p))
        torch.testing.assert_close(u.double(), norms(d.double(), p), rtol=2e-6, atol=0)
        wanted = differentiated(
            lambda a, b, w: norms(torch.maximum(a[:, None] - w, w - b[:, None]).clamp(min=0), p),
            (first.double(), second.double(), w.double()),
            grad,
        )
        got = differentiated(lambda a, b, w: lp_reach(a, b, w, torch.tensor(p)), (first, second, w), grad)
        for one, other in zip(got, wanted, strict=True):
            torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)


@both
@kinds
def test_boxes_around_the_weights_have_no_distance_and_no_gradient(p):
    low, high, w, grad = ends(3, 4, 7)
    u, *gradients = differentiated(lambda a, b, w: lp_reach(a, b, w, torch.tensor(p)), (low - 9, high + 9, w), grad)
    assert not u.any()
    for gradient in gradients:
        assert not gradient.any()


@both
@bads
@pytest.mark.parametrize("which", range(3))
def test_reaches_of_what_is_not_finite_are_not_finite_either(which, bad):
    low, _, w, _ = ends(3, 3, 40)
    given = [low.clone(), low.clone(), w]
    given[which][1, 37] = bad
    u = lp_reach(*given, torch.tensor(INF))
    u = u if which < 2 else u.T
    assert u[[0, 2]].isfinite().all()
    if (which, bad) not in ((0, -INF), (1, INF)):  # where the other end decides
        assert not u[1].isfinite().any()


def test_extremes_are_the_inputs_with_the_largest_of_the_least_and_of_the_largest_distances():
    low, high, w, _ = ends(4, 5, 9, torch.float64)
    near, far = extremes(low.view(2, 2, 9), high.view(2, 2, 9), w, 3)
    assert (near.shape, far.shape) == ((2, 2, 5), (2, 2, 5, 3))
    most = torch.maximum((low[:, None] - w).abs(), (high[:, None] - w).abs())
    assert torch.equal(near.flatten(0, 1), torch.maximum(low[:, None] - w, w - high[:, None]).argmax(2))
    assert torch.equal(far.flatten(0, 1), most.sort(2, descending=True).indices[..., :3])
    assert extremes(low, high, w, 20)[1].shape == (4, 5, 9)


def test_forward_mode_derivatives_are_refused():
    x, w = torch.rand(2, 3), torch.rand(4, 3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(UnsupportedOpError, match="no forward-mode derivatives"):
            lp_distance(dual, w, torch.tensor(8.0))
