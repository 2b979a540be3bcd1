"""The noise of triton against that of plain torch: on the GPU, or on the CPU by triton's interpreter.

The interpreter must be chosen before triton is imported for the first time, so another process runs this file with it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hauberk.kernels import noise as plain

pytest.importorskip("triton", reason="without triton the plain twin is all there is to test")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
RUNS = INTERPRETED or torch.cuda.is_available()
TWINS = {"gaussian": plain.plain_gaussian, "uniform": plain.plain_uniform}

here = pytest.mark.skipif(not RUNS, reason="another process runs it")
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # numpy's, of the interpreter: words overflow, as they should
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
@pytest.mark.parametrize("name", ["write_gaussian", "write_uniform", "write_unit"])
def test_compiles_without_a_gpu(name, monkeypatch, tmp_path):
    """The interpreter takes much that the compiler refuses."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from hauberk.kernels import triton_noise

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    types = {"image": "*i64", "keys": "*i64", "scale": "fp32", "d": "i32", "half": "i32", "BLOCK": "constexpr"}
    loop = getattr(triton_noise, name)
    signature = {argument: types.get(argument, "*fp32") for argument in loop.arg_names}
    assert compile(ASTSource(loop, signature, {"BLOCK": 512}), target=GPUTarget("cuda", 90, 32)).asm["cubin"]


@here
@pytest.mark.parametrize("loop", TWINS)
@pytest.mark.parametrize("d", [1, 2, 7, 1023, 1025])
def test_equals_plain_torch(loop, d):
    from hauberk.kernels import triton_noise

    generator = torch.Generator().manual_seed(d)
    x, image = torch.rand(3, d, generator=generator), torch.tensor([2, 0, 2, 1])
    keys = torch.randint(-(2**62), 2**62, (4,), generator=generator)
    found = triton_noise.drawn(loop, x.to(DEVICE), image.to(DEVICE), keys.to(DEVICE), 0.5).cpu()
    wanted = x[image].double() + 0.5 * TWINS[loop](keys, d, torch.float64)
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=2e-6)


@here
@pytest.mark.parametrize("count", [1, 511, 513])
def test_unit_numbers_are_those_of_plain_torch_to_the_bit(count):
    from hauberk.kernels import triton_noise, unit_numbers

    keys = torch.randint(-(2**62), 2**62, (4,), generator=torch.Generator().manual_seed(count))
    found = triton_noise.unit_numbers(keys.to(DEVICE), count).cpu()
    assert torch.equal(found, unit_numbers.plain(keys, count, torch.float32))


@here
def test_nothing_is_drawn_for_no_row():
    from hauberk.kernels import triton_noise

    none = torch.zeros(0, dtype=torch.long, device=DEVICE)
    assert triton_noise.drawn("gaussian", torch.rand(2, 5, device=DEVICE), none, none, 0.5).shape == (0, 5)
    assert triton_noise.unit_numbers(none, 5).shape == (0, 5)
