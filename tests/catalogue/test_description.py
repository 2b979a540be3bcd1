"""What is shown of a class can be put into a recipe."""

import pytest
from jsonargparse import ArgumentParser

from hauberk.catalogue.constructors import definition
from hauberk.catalogue.description import in_recipe
from hauberk.catalogue.exports import paths
from hauberk.recipe.building import complete_networks, expanded
from hauberk.recipe.classes import class_at, full_path
from hauberk.recipe_text.tree import parsed

IN_PYTHON_ALONE = {
    "architectures.LipschitzInterpolant",
    "threats.GivenBox",
    "threats.MaskedLinfBall",
    "verification.CascadeAnswer",
    "verification.CascadeScore",
    "verification.Detection",
    "verification.ModelCascade",
}


def found(path: str):
    known = definition(path.rpartition(".")[2], paths()[path])
    assert known is not None
    return known


@pytest.mark.parametrize("package", sorted({path.partition(".")[0] for path in paths()}))
def test_the_lines_for_a_recipe_are_valid_there(package: str):
    for path in paths():
        if path.startswith(f"{package}."):
            lines = list(in_recipe(path, found(path)))
            if path in IN_PYTHON_ALONE:
                assert "in Python alone" in lines[0], path
                continue
            tree = {"it": expanded(parsed("\n".join(lines[1:]), path), None, path)}
            if package == "architectures":
                complete_networks(tree, {"shape": [1, 28, 28], "classes": 10})
            parser = ArgumentParser(exit_on_error=False)
            parser.add_argument("--it", type=class_at(full_path(path, path)))
            parser.parse_object(tree)
