import importlib
import inspect

import pytest

from hauberk.catalogue.constructors import Argument, definition
from hauberk.catalogue.exports import paths

COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def arguments(path: str) -> dict[str, Argument]:
    found = definition(path.rpartition(".")[2], paths()[path])
    assert found is not None
    return found.arguments


@pytest.mark.parametrize("package", sorted({path.partition(".")[0] for path in paths()}))
def test_arguments_are_those_of_the_constructors(package: str):
    module = importlib.import_module(f"hauberk.{package}")
    for path in paths():
        if path.startswith(f"{package}."):
            taken = inspect.signature(getattr(module, path.rpartition(".")[2])).parameters.values()
            expected = {each.name: each.default is each.empty for each in taken if each.kind not in COLLECTING}
            found = {name: argument.default is None for name, argument in arguments(path).items()}
            assert list(found.items()) == list(expected.items()), path
