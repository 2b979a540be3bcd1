"""Types of arguments in words."""

import ast
from collections.abc import Iterator

WORDS = {"bool": "true or false", "str": "a text", "None": "null", "int": "an integer", "float": "a number"}
"""The types whose names say less than words."""
LISTS = ("list", "Sequence", "tuple", "Iterable")


def options(kind: ast.expr) -> Iterator[ast.expr]:
    """Yield the members of a union, or the annotation itself."""
    if isinstance(kind, ast.BinOp):
        yield from options(kind.left)
        yield from options(kind.right)
    else:
        yield kind


def parts(kind: ast.expr) -> tuple[str, list[ast.expr]]:
    """Return the name of a generic type and what it is of; both empty for any other annotation."""
    if not isinstance(kind, ast.Subscript):
        return "", []
    return ast.unparse(kind.value), kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]


def in_words(kind: ast.expr) -> str:
    """Return an annotation in words: "a positive integer or null"."""
    return " or ".join(dict.fromkeys(map(worded, options(kind))))


def worded(kind: ast.expr) -> str:
    """Return an annotation that is no union in words."""
    name, inner = parts(kind)
    if name in LISTS:
        few = name == "tuple" and not isinstance(inner[-1], ast.Constant)
        of = in_words(inner[0]) if not few else ", ".join(map(in_words, inner))
        return f"a list ({of})" if few else f"a list, each {of}"
    if name == "Annotated" and isinstance(inner[1], ast.Call):
        return ast.literal_eval(inner[1].args[0])
    if name == "Mapping":
        return f"a mapping of names to {in_words(inner[1])}"
    if name == "Literal":
        return " or ".join(map(ast.unparse, inner))
    if name == "Callable":
        return "a callable"
    if inner and isinstance(inner[-1], ast.Constant):
        return f"a {ast.unparse(inner[0]).lower()} ({ast.literal_eval(inner[-1])})"  # a tensor, and its shape
    return WORDS.get(ast.unparse(kind), ast.unparse(kind))
