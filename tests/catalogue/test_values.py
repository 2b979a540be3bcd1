import ast

import pytest

from hauberk.catalogue.values import placeholder, written


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("(1, 2.5)", [1, 2.5]),
        ("dict()", {}),
        ("RandomMember()", "attacks.RandomMember"),
        ("Constant(3)", {"class": "schedules.Constant", "value": 3}),
        ("torch.optim.Adam", "torch.optim.Adam"),
    ],
)
def test_defaults_are_written_as_in_a_recipe(code: str, value: object):
    assert written(expression(code)) == value


@pytest.mark.parametrize("code", ["2 ** 27", "EXAMPLES", "made()"])
def test_what_no_recipe_can_write_is_refused(code: str):
    with pytest.raises(ValueError, match=r"."):
        written(expression(code))


def test_no_recipe_can_write_a_tensor():
    assert placeholder(expression('Float[Tensor, "b"]')) is None
    assert placeholder(expression('list[Float[Tensor, "b"]]')) is None
    assert placeholder(expression('Mapping[str, Float[Tensor, "b"]]')) is None
