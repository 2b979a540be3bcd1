import pytest

from hauberk import plain_yaml


def test_plain_values_merges_and_aliases_are_read():
    text = "a: &a {x: 1, y: [1.5, true, null, 2020-01-01]}\nb: {<<: *a, x: 2}\nc: *a"
    a = {"x": 1, "y": [1.5, True, None, "2020-01-01"]}
    assert plain_yaml.load(text) == {"a": a, "b": a | {"x": 2}, "c": a}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2", "line 2: the key 'a' occurs twice"),
        ("a:\n  b: 1\n  b: 2", "line 3: the key 'b' occurs twice"),
        ("1: a", "line 1: a key must be text"),
        ("a: {yes: 1}", "line 1: a key must be text"),
        ("a: &a [*a]", "contains itself"),
        ("[" * 40 + "]" * 40, "nested more than 30 levels"),
        ("a: " + "9" * 301, "more than 300 digits"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a" * (plain_yaml.LARGEST + 1), "it has 131,073 characters"),
    ],
)
def test_what_is_lost_runs_or_grows_is_refused(text: str, fault: str):
    with pytest.raises(ValueError, match=fault):
        plain_yaml.load(text)
