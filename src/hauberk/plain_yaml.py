"""YAML of plain values, in which nothing is lost, runs or grows.

YAML proper lets the last of two equal keys win, and an alias of aliases stand for more values than fit into memory.
"""

from typing import Any

import yaml

DEEPEST, MOST = 30, 50_000
"""Largest numbers of levels of a text, and of its values, an alias counting as all that it stands for."""
LARGEST = 2**17
"""Largest number of characters; the longest recipe of Hauberk's has 12,000."""
TEXT, MERGE, DATE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "merge", "timestamp"))


class Loader(yaml.SafeLoader):
    """YAML's own loader of mappings, lists, texts, numbers, truth values and nothing."""

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return an integer that a float can hold: Python does not even print those of many digits.

        Raises:
            ValueError: it is larger.
        """
        found = super().construct_yaml_int(node)
        if abs(found) >= 10**300:
            raise ValueError(f"line {node.start_mark.line + 1}: an integer of more than 300 digits")
        return found


PLAIN = ("map", "seq", "str", "int", "float", "bool", "null")
Loader.yaml_constructors = {
    **{f"tag:yaml.org,2002:{kind}": getattr(Loader, f"construct_yaml_{kind}") for kind in PLAIN},
    DATE: yaml.SafeLoader.construct_yaml_str,  # a date is the name of something
    None: yaml.SafeLoader.construct_undefined,
}


def load(text: str) -> Any:
    """Return what YAML text describes.

    Raises:
        ValueError: it is not YAML, a key is no text or occurs twice, a value is not plain, or there is too much of it.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text):,} characters, but may have {LARGEST:,}")
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        values(node, {}, ())
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from error
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"a value is not what its tag says ({error!r})") from error


def values(node: yaml.Node, known: dict[int, int], within: tuple[int, ...]) -> int:
    """Return the number of values that a node stands for, or raise if there are too many.

    Args:
        node: the node.
        known: the numbers of the nodes seen so far, by address.
        within: the addresses of the nodes that it is in.
    """
    if id(node) in within:
        raise ValueError("a value contains itself")
    if len(within) > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if id(node) not in known:
        if isinstance(node, yaml.MappingNode):
            require_keys(node)
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        nodes = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(values(part, known, (*within, id(node))) for part in nodes)
    if known[id(node)] > MOST:
        raise ValueError(f"it stands for more than {MOST:,} values, counting all that its aliases repeat")
    return known[id(node)]


def require_keys(node: yaml.MappingNode) -> None:
    """Raise unless the keys of a mapping are different texts."""
    seen: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if key.tag not in (TEXT, MERGE):
            raise ValueError(f"line {line}: a key must be text; put quotes around it")
        if key.value in seen:
            raise ValueError(f"line {line}: the key {key.value[:60]!r} occurs twice; remove one of them")
        seen.add(key.value)
