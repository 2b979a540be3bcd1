from pathlib import Path

import pytest

from hauberk.errors import InputError
from hauberk.recipe_text.alternatives import variants
from hauberk.recipe_text.reading import read_recipe, shipped_recipes

TEXT = """
trainer: {epochs: 9, batch: 8}
variants:
  long: {trainer.epochs: 90}
scales:
  smoke: {trainer.epochs: 1, trainer.batch: 2}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(TEXT)
    return str(tmp_path / "mine.yaml")


def test_a_file_is_read_without_its_scales(file: str):
    assert read_recipe(file, []) == {
        "trainer": {"epochs": 9, "batch": 8},
        "variants": {"long": {"trainer.epochs": 90}},
    }


def test_overrides_come_after_the_scale_and_reach_variants(file: str):
    tree = read_recipe(file, ["trainer.batch=3", "variants.long.trainer.batch=5"], "smoke")
    assert tree["trainer"] == {"epochs": 1, "batch": 3}
    assert variants(tree)["long"]["trainer"] == {"epochs": 90, "batch": 5}


def test_a_shipped_recipe_is_read_by_its_name():
    assert "mnist-demo" in shipped_recipes()
    assert read_recipe("mnist-demo", ["seed=3"])["seed"] == 3


def test_what_is_no_recipe_is_refused(tmp_path: Path, file: str):
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(InputError, match=r"list\.yaml is not a recipe: it must be a mapping of data, network"):
        read_recipe(str(tmp_path / "list.yaml"), [])
    with pytest.raises(InputError, match=r"there is no recipe 'mine': .*mnist-demo"):
        read_recipe("mine", [])
    with pytest.raises(InputError, match=r"there is no recipe 'mnist-dem' \(did you mean 'mnist-demo'\?\): "):
        read_recipe("mnist-dem", [])
    with pytest.raises(InputError, match="takes key=value"):
        read_recipe(file, ["trainer.epochs"])
    with pytest.raises(InputError, match="it has smoke"):
        read_recipe(file, [], "small")
