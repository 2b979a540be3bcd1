"""The wheel: what users install works from any folder, with everything that it needs inside."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.product
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    backend = ["--no-build-isolation"] if find_spec("hatchling") else []  # else pip fetches it, as it does for users
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", *backend]
    subprocess.run([*pip, "--wheel-dir", folder, ROOT], check=True, capture_output=True, text=True)
    (found,) = folder.glob("hauberk-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    ZipFile(wheel).extractall(folder)
    return folder


def called(installed, folder, *arguments):
    """Return what Python prints in another folder, where it finds the wheel alone."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_the_package_alone(wheel):
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"hauberk", names[-1].split("/")[0]}
    source = ROOT / "src"
    files = [path for path in (source / "hauberk").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(source).as_posix() for path in files} <= set(names)


def test_it_says_what_it_is(wheel):
    archive = ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(name).decode()
    assert "Name: hauberk" in text
    assert (ROOT / "README.md").read_text(encoding="utf-8").strip() in text
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_it_works_from_another_folder(installed, tmp_path):
    place = called(installed, tmp_path, "-c", "import hauberk; print(hauberk.__file__)")
    assert Path(place.strip()).is_relative_to(installed)
    assert "mnist-demo" in called(installed, tmp_path, "-m", "hauberk", "info")
    program = (
        "import torch, hauberk; from hauberk.datasets import MNIST\n"
        "model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))\n"
        "found = hauberk.audit(model, MNIST(), eps='1/255', examples=5, minutes=0.1, quiet=True)\n"
        "print(found.report('audit.html'))"
    )
    called(installed, tmp_path, "-c", program)
    assert "<html" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_its_demo_runs_from_another_folder(installed, tmp_path):
    out = called(installed, tmp_path, "-m", "hauberk", "demo", "two-dimensional", "--scale", "smoke", "--run", "run")
    assert "certified" in out
    assert (tmp_path / "run" / "report.html").exists()
