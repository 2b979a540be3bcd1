import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.models import load_model

NET = """
from torch import nn
from {side} import WIDTH

class MyNet(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2))

class Sized(nn.Linear):
    pass

def make():
    return nn.Linear(2, 2)

ready = nn.Linear(2, 3)
number = 3

def wrong():
    return 7
"""


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest):
    name = f"net_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}_side.py").write_text("WIDTH = 5\n")
    (tmp_path / f"{name}.py").write_text(NET.format(side=f"{name}_side"))
    yield tmp_path / f"{name}.py"
    for module in (name, f"{name}_side"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(("name", "outputs"), [("MyNet", 2), ("make", 2), ("ready", 3)])
def test_a_class_a_function_and_a_network_in_a_file(file, name, outputs):
    before = list(sys.path)
    network = load_model(f"{file}:{name}")
    assert network(torch.rand(4, 2)).shape == (4, outputs)
    assert sys.path == before


def test_an_importable_name(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    assert isinstance(load_model(f"{file.stem}:make"), nn.Linear)
    assert isinstance(load_model(f"{file.stem}.make"), nn.Linear)


def test_an_exported_program_is_read_if_it_is_trusted(tmp_path):
    network, x = nn.Sequential(nn.Linear(2, 3), nn.ReLU()).eval(), torch.rand(2, 2)
    torch.export.save(torch.export.export(network, (x,)), tmp_path / "net.pt2")
    with pytest.raises(InputError, match="--allow-code"):
        load_model(str(tmp_path / "net.pt2"))
    torch.testing.assert_close(load_model(str(tmp_path / "net.pt2"), allow_code=True)(x), network(x))


def test_torchscript_is_refused_by_name(tmp_path):
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.rand(1, 2)), str(tmp_path / "net.pt"))
    with pytest.raises(InputError, match="TorchScript"):
        load_model(str(tmp_path / "net.pt"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{file}:Missing", "has no 'Missing': it has MyNet, Sized"),
        ("{file}:Sized", "without arguments"),
        ("{file}:number", "is a int, no network"),
        ("{file}:wrong", "gives a int"),
        ("{file}", "names no network"),
        ("{folder}", "is a folder"),
        ("{folder}/no.py:Net", "there is no file"),
        ("{folder}/no.pt2", "--allow-code"),
        ("{folder}/no.onnx", "is missing"),
        ("{folder}/broken.py:Net", "SyntaxError"),
        ("{folder}/failing.py:Net", "RuntimeError: at once (line 1 of"),
        ("{folder}/lacking.py:Net", "No module named 'nowhere_at_all'"),
        ("{folder}/model.pt", "holds weights"),
        ("{folder}/other.onnx", "ONNX"),
        ("no_such_module_at_all:Net", "no_such_module_at_all"),
        ("Net", "names no network"),
        (":", "names no network"),
        ("", "names no network"),
        ("a.b:c d", "names no network"),
    ],
)
def test_what_is_no_network_is_refused(file, source, said):
    folder = file.parent
    (folder / "broken.py").write_text("def (\n")
    (folder / "failing.py").write_text("raise RuntimeError('at once')\n")
    (folder / "lacking.py").write_text("import nowhere_at_all\n")
    (folder / "other.onnx").write_bytes(b"")
    torch.save(nn.Linear(2, 2).state_dict(), folder / "model.pt")
    with pytest.raises(InputError) as refusal:
        load_model(source.format(file=file, folder=folder))
    assert said in str(refusal.value)


def test_a_damaged_program_is_refused(tmp_path):
    (tmp_path / "net.pt2").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match="no program that this version of torch can read"):
        load_model(str(tmp_path / "net.pt2"), allow_code=True)
