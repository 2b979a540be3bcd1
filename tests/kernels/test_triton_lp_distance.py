"""The l_p distances of triton against the formula in float64: on the GPU, or on the CPU by triton's interpreter.

The interpreter must be chosen before triton is imported for the first time, so another process runs this file with it.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("triton", reason="without triton the plain twin is all there is to test")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
RUNS = INTERPRETED or torch.cuda.is_available()
INF = float("inf")
EXPONENTS = [8.0, 8.5, 30.0, 100.0, 1000.0, INF]
KINDS = [8.0, 8.5, INF]
CASES = [(size, p) for size in ((1, 1, 1), (3, 2, 73)) for p in EXPONENTS]
CASES += [(size, p) for size in ((5, 67, 9), (66, 3, 9)) for p in KINDS]  # several tiles

here = pytest.mark.skipif(not RUNS, reason="another process runs it")
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # numpy's, of the interpreter: log2(0) and the like
    pytest.mark.filterwarnings("ignore:TRITON_:UserWarning"),
]


@pytest.mark.skipif(RUNS, reason="this process runs the kernels")
def test_interpreted():
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    environment |= {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.skipif(INTERPRETED, reason="nothing is compiled")
@pytest.mark.parametrize("name", ["write_maxima", "write_norms", "write_first", "write_sums", "add_at_maxima"])
def test_compiles_without_a_gpu(name, monkeypatch, tmp_path):
    """The interpreter takes much that the compiler refuses."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from hauberk.kernels import triton_lp_distance

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    loop = getattr(triton_lp_distance, name)
    types = dict.fromkeys(("b", "o", "m", "n", "depth"), "i32") | dict.fromkeys(("M", "N", "PLACES"), "constexpr")
    types["where_at"] = "*i32"
    signature = {argument: types.get(argument, "*fp32") for argument in loop.arg_names}
    sizes = {argument: 16 for argument in ("M", "N", "PLACES") if argument in signature}
    assert compile(ASTSource(loop, signature, sizes), target=GPUTarget("cuda", 90, 32)).asm["cubin"]


@pytest.fixture(params=[1, 264], ids=["large tiles", "many tiles"])
def kernel(request, monkeypatch):
    from hauberk.kernels import triton_lp_distance

    monkeypatch.setattr(triton_lp_distance, "PROGRAMS", request.param)
    return triton_lp_distance


@pytest.fixture
def large(monkeypatch):
    """The kernels with tiles as large as they may be, whatever the size: the fewest programs, so the fastest here."""
    from hauberk.kernels import triton_lp_distance

    monkeypatch.setattr(triton_lp_distance, "PROGRAMS", 1)
    return triton_lp_distance


def problem(b, o, i, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, w, grad = (torch.randn(*shape, generator=generator) for shape in ((b, i), (o, i), (b, o)))
    return x * scale, w * scale, grad


def results(kernel, x, w, p, grad):
    x, w, p, grad = (t.to(DEVICE) for t in (x, w, torch.tensor(p), grad))
    u, where = kernel.forward(x, w, p)
    return [t.cpu() for t in (u, where, *kernel.backward(x, w, p, u, where, grad))]


def formula(x, w, p, grad):
    x, w = x.double().requires_grad_(), w.double().requires_grad_()
    d = (x[:, None] - w).abs()
    most = d.detach().amax(-1, keepdim=True)
    if p == INF:
        u = d.gather(-1, first(x, w)[..., None])[..., 0]
    else:
        u = most[..., 0] * ((d / most) ** p).sum(-1) ** (1 / p)
    return u.detach(), *torch.autograd.grad(u, (x, w), grad.double())


def first(x, w):
    d = (x.detach()[:, None] - w.detach()).abs()
    return torch.from_numpy(np.argmax(d.numpy(), -1))  # numpy's is the first


def encoded(x, w):
    i = first(x, w)
    above = torch.gather(x[:, None] - w, -1, i[..., None])[..., 0] > 0
    return torch.where(above, i, ~i).int()


def check(kernel, x, w, p, grad):
    u, where, *found = results(kernel, x, w, p, grad)
    exact, *wanted = formula(x, w, p, grad)
    assert where.dtype == torch.int32
    torch.testing.assert_close(u.double(), exact, rtol=2e-6, atol=0)
    for result, gradient in zip(found, wanted, strict=True):
        # Powers multiply the relative errors of differences and norms, of half a unit in the last place each, by p.
        error = 4e-7 * (10 if p == INF else max(p, 10)) * gradient.abs().max().item()
        torch.testing.assert_close(result.double(), gradient, rtol=0, atol=error)
    if p == INF:
        assert torch.equal(where, encoded(x, w))


@here
@pytest.mark.parametrize(("size", "p"), CASES, ids=str)
def test_equals_the_formula(large, size, p):
    x, w, grad = problem(*size)
    check(large, x, w, p, grad)


@here
@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("p", [1.0, 2.0, *EXPONENTS, 1e4])
def test_scales_neither_overflow_nor_vanish(large, p, scale):
    x, w, grad = problem(2, 3, 7, scale)
    check(large, x, w, p, grad)


@here
@pytest.mark.parametrize("p", KINDS)
def test_tiles_of_every_size_agree(kernel, p):
    x, w, grad = problem(18, 20, 9)
    check(kernel, x, w, p, grad)


@here
def test_the_first_of_equal_maxima_counts(large):
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randint(-1, 2, (n, 100), generator=generator).float() for n in (4, 5))
    _, where, dx, dw = results(large, x, w, INF, torch.ones(4, 5))
    assert torch.equal(where, encoded(x, w))
    assert (dx.abs().sum(), dw.abs().sum()) == (20, 20)
    x = torch.zeros(2, 100)
    x[0, 37], x[0, 40], x[0, 99] = -3, 3, 3
    x[1, 70], x[1, 71] = 3, -3
    _, where, dx, dw = results(large, x, torch.zeros(1, 100), INF, torch.tensor([[2.0], [5.0]]))
    assert where.tolist() == [[~37], [70]]
    assert (dx[0, 37], dx[1, 70], dx.abs().sum()) == (-2, 5, 7)
    assert (dw[0, 37], dw[0, 70], dw.abs().sum()) == (2, -5, 7)


@here
@pytest.mark.parametrize("p", [1.0, 8.0, 8.5, 1000.0, INF])
def test_equal_rows_have_distance_0(large, p):
    x = problem(1, 1, 5)[0]
    u, where, dx, dw = results(large, x, x.clone(), p, torch.ones(1, 1))
    assert u == 0
    if p == INF:  # sign(0) counts as -1
        assert where == ~0
        assert (dx[0, 0], dw[0, 0]) == (-1, 1)
        dx, dw = dx[:, 1:], dw[:, 1:]
    assert not dx.any()
    assert not dw.any()


@here
@pytest.mark.parametrize("p", [8.0, 8.5, 1000.0])
def test_tiny_differences_stay_finite(large, p):
    u, _, dx, dw = results(large, torch.full((1, 8), 1e-40), torch.zeros(1, 8), p, torch.ones(1, 1))
    assert 1e-41 < u < 1e-39
    assert dx.isfinite().all()
    assert dw.isfinite().all()


@here
@pytest.mark.parametrize("p", KINDS)
@pytest.mark.parametrize("bad", [float("nan"), INF, -INF], ids=str)
def test_what_is_not_finite_stays_so(large, p, bad):
    x, w, grad = problem(3, 2, 40)
    x[1, 37] = bad
    u, where, dx, dw = results(large, x, w, p, grad)
    assert not u[1].isfinite().any()
    assert not dx[1, 37].isfinite()
    assert not dw[:, 37].isfinite().any()
    assert u[[0, 2]].isfinite().all()
    assert dx[[0, 2]].isfinite().all()
    if p == INF:
        assert where[1].tolist() == [37 if bad == INF else ~37] * 2


@here
@pytest.mark.parametrize("p", [8.0, INF])
def test_any_strides_and_empty_tensors(large, p):
    x, w, _ = problem(2, 3, 4)
    one = torch.ones(()).expand(2, 3)
    strided = results(large, x.T.contiguous().T, w.T.contiguous().T, p, one)
    for found, wanted in zip(strided, results(large, x, w, p, one.contiguous()), strict=True):
        torch.testing.assert_close(found, wanted)
    u, where, dx, dw = results(large, x[:0], w, p, one[:0])
    assert (u.shape, where.shape, dx.shape) == ((0, 3), (0, 3), (0, 4))
    assert torch.equal(dw, torch.zeros_like(w))
    u, where, dx, dw = results(large, x[:, :0], w[:, :0], p, one)
    assert torch.equal(u, torch.zeros(2, 3))
    assert (dx.shape, dw.shape) == ((2, 0), (3, 0))


@here
@pytest.mark.parametrize("p", KINDS)
def test_places_only_if_wanted(large, p):
    x, w, _ = problem(2, 3, 40)
    inputs = [t.to(DEVICE) for t in (x, w, torch.tensor(p))]
    u, where = large.forward(*inputs, places=False)
    assert torch.equal(u, large.forward(*inputs)[0])
    assert not where.numel()
