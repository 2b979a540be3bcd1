import re
from pathlib import Path

import pytest

from hauberk.recipe import shipped_recipes

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs_and_certifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    program = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    monkeypatch.chdir(tmp_path)
    shorter = program.replace("epochs=2", "epochs=1").replace("slice(0, 20)", "slice(0, 4)")
    shorter = shorter.replace("ensemble(2)", "dict(list(ensemble(2).items())[:1])")
    shorter = shorter.replace("data.test()", "data.test().select(slice(0, 200))")
    assert shorter.count("epochs=1") == 1
    assert shorter.count("slice(0, 200)") == 3
    exec(compile(shorter, "README.md", "exec"), {})
    shares, *attacks, answer = capsys.readouterr().out.splitlines()
    assert {row.split()[0] for row in attacks} >= {"FAB", "DDN"}
    assert "tensor([7, 2, 1, 0, 4])" in answer
    shares = eval(shares)
    assert 0.5 < shares["certified"] <= shares["attacked"] <= shares["clean"]


def test_the_readme_names_every_recipe():
    assert not [name for name in shipped_recipes() if f"`{name}`" not in README]
