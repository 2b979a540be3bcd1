import ast

import pytest

from hauberk.catalogue.wording import in_words


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("int", "an integer"),
        ("Attack | None", "Attack or null"),
        ('Annotated[float, Range("a share", lambda a: 0 <= a <= 1)]', "a share"),
        ("Sequence[Attack]", "a list, each Attack"),
        ("tuple[int, ...]", "a list, each an integer"),
        ("tuple[int, float]", "a list (an integer, a number)"),
        ("Mapping[str, Attack | Study]", "a mapping of names to Attack or Study"),
        ('Literal["no", "bf16"]', "'no' or 'bf16'"),
        ('int | str | Float[Tensor, "b"]', "an integer or a text or a tensor (b)"),
    ],
)
def test_types_in_words(annotation: str, words: str):
    assert in_words(ast.parse(annotation, mode="eval").body) == words
