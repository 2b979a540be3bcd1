import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.cli import main
from hauberk.reports.run_files import read_run

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises

NET = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a network, its weights, and data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audited_net.py").write_text(NET)
    torch.manual_seed(0)
    x = torch.rand(30, 1, 4, 4)
    y = (x[:, 0, :2].mean((1, 2)) > x[:, 0, 2:].mean((1, 2))).long()
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    torch.save(network.state_dict(), tmp_path / "model.pt")
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, tmp_path / "wrapped.pth")
    np.savez(tmp_path / "images.npz", images=x.numpy(), labels=y.numpy())
    return tmp_path


BASIC = ("audit", "audited_net.py:make", "--weights", "model.pt", "--data", "images.npz", "--eps", "1/255")
SHORT = ("--minutes", "0.2", "--quiet")


def test_an_audit_writes_records_recipe_and_page(folder, capsys):
    assert main([*BASIC, *SHORT, "--run", "a"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "a/audit.html"
    assert "certified" in said
    run = read_run(folder / "a")
    assert run.summary.clean.count >= 28
    assert run.summary.certified is not None
    assert "1/255" in (folder / "a" / "recipe.yaml").read_text()
    assert "audit:" in (folder / "a" / "audit.html").read_text(encoding="utf-8")


def test_a_recipe_repeats_an_audit_and_options_change_it(folder, capsys):
    assert main([*BASIC, *SHORT, "--run", "a", "--examples", "20"]) == 0
    assert main(["audit", "a/recipe.yaml", "--run", "b", "--quiet"]) == 0
    assert main(["audit", "a/recipe.yaml", "--run", "c", "--quiet", "--eps", "0.3", "--norm", "l2"]) == 0
    capsys.readouterr()
    first, second, third = (read_run(folder / name) for name in "abc")
    assert first.records["certified_by"].equals(second.records["certified_by"])
    assert third.summary.threat == "l2 eps 0.3"
    assert len(third.records) == 20


def test_wrapped_weights_and_normalisation(folder, capsys):
    wrapped = [*BASIC[:2], "--weights", "wrapped.pth", "--entry", "state_dict", "--prefix", "module.", *BASIC[4:]]
    assert main([*wrapped, *SHORT, "--run", "a"]) == 0
    assert main([*BASIC, *SHORT, "--run", "b", "--mean", "0.9", "--std", "3"]) == 0
    capsys.readouterr()
    assert read_run(folder / "a").summary.clean.count > read_run(folder / "b").summary.clean.count


def test_progress_goes_to_standard_error(folder, capsys, monkeypatch):
    monkeypatch.setattr("hauberk.countdown.SILENCE", 0.02)
    assert main([*BASIC, "--minutes", "0.2", "--run", "a"]) == 0
    said = capsys.readouterr()
    assert "proven" in said.err
    assert "seen" not in said.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--data", "no.npz"], "no.npz"),
        (["--weights", "no.pt"], "no.pt"),
        (["--weights", "images.npz"], "images.npz"),
        (["--eps", "big"], "'big'"),
        (["--eps", "-1"], "-1"),
        (["--norm", "l7"], "norm is one of"),
        (["--minutes", "0"], "minutes"),
        (["--minutes", "nan"], "minutes"),
        (["--examples", "0"], "examples"),
        (["--within", "1", "0"], "within"),
        (["--within", "0.5", "1"], "reach from"),
        (["--mean", "0.5"], "belong together"),
        (["--mean", "0.5", "0.5", "--std", "1", "1"], "there are 1"),
        (["--prefix", "module."], "module."),
        (["--run", "model.pt"], "model.pt"),
        (["--run", "."], "not empty"),
    ],
)
def test_mistakes_are_named(folder, capsys, change, said):
    assert main([*BASIC, *SHORT, "--run", "a", *change]) == 1
    assert said in capsys.readouterr().err
    assert not list((folder / "a").rglob("*.parquet"))


@pytest.mark.parametrize(("missing", "said"), [("--data", "needs --data"), ("--eps", "needs --eps")])
def test_what_is_missing_is_named(folder, capsys, missing, said):
    place = BASIC.index(missing)
    assert main([*BASIC[:place], *BASIC[place + 2 :], *SHORT]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trainer: {}", "no recipe of `hauberk audit`"),
        ("audit: {eps: 1, dada: x}", "no 'dada'"),
        ("audit: [", "not valid YAML"),
        ("- 1", "no recipe of"),
        (json.dumps({"audit": {"eps": "0.1"}}), "needs --data"),
    ],
)
def test_odd_recipes_are_refused(folder, capsys, text, said):
    (folder / "odd.yaml").write_text(text)
    assert main(["audit", "odd.yaml", *SHORT]) == 1
    assert said in capsys.readouterr().err
