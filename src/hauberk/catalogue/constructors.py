"""Constructors as the source files have them."""

import ast
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from hauberk.catalogue.exports import imported


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor.

    Args:
        annotation: its type.
        default: an expression of its default; None if it is required.
        last: True if it can only be given by its name.
    """

    annotation: ast.expr
    default: ast.expr | None = None
    last: bool = False


@dataclass(frozen=True)
class Definition:
    """A class as its source file has it.

    Args:
        node: the class statement.
        file: the source file.
    """

    node: ast.ClassDef
    file: Path

    @property
    def docstring(self) -> str:
        """The class's docstring."""
        return ast.get_docstring(self.node) or ""

    @property
    def bases(self) -> list["Definition"]:
        """The classes of Hauberk that it is derived from."""
        found = [definition(base.id, self.file) for base in self.node.bases if isinstance(base, ast.Name)]
        return [base for base in found if base is not None]

    @property
    def arguments(self) -> dict[str, Argument]:
        """The constructor's arguments by name, in their order."""
        unnamed = Unnamed(self.file)
        return {name: replace(each, annotation=unnamed.visit(each.annotation)) for name, each in self.written.items()}

    @property
    def written(self) -> dict[str, Argument]:
        """The constructor's arguments, with their types as the files write them."""
        made = [node for node in self.node.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
        if made:
            return signature(made[0].args)
        if not any("dataclass" in ast.unparse(decorator) for decorator in self.node.decorator_list):
            return next((base.arguments for base in self.bases if base.arguments), {})
        found: dict[str, Argument] = {}
        for base in reversed(self.bases):
            found |= base.arguments
        for node in self.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found |= field(node.target.id, node.annotation, node.value)
        return dict(sorted(found.items(), key=lambda item: item[1].last))


class Unnamed(ast.NodeTransformer):
    """A visitor that puts types in place of their names in Hauberk's files: `Annotated[int, ...]` for `Count`.

    Args:
        file: the file that uses the names.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return the type that a name stands for, or the name of a class."""
        for statement in body_of(self.file):
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == node.id:
                return self.visit(statement.value)
        elsewhere = dict(imported(body_of(self.file))).get(node.id)
        return Unnamed(elsewhere).visit(node) if elsewhere else node


@lru_cache
def body_of(file: Path) -> list[ast.stmt]:
    """Return the statements of a source file."""
    return ast.parse(file.read_text(encoding="utf-8")).body


def definition(name: str, file: Path) -> Definition | None:
    """Return the class of a name in a file, which may import it; None if it is not Hauberk's."""
    for node in body_of(file):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Definition(node, file)
    elsewhere = dict(imported(body_of(file))).get(name)
    return definition(name, elsewhere) if elsewhere else None


def signature(given: ast.arguments) -> dict[str, Argument]:
    """Return the arguments of a method, without the first one and without those that take all others."""
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + given.defaults
    pairs = [*zip(positional, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)][1:]
    return {each.arg: Argument(each.annotation or ast.Name("Any"), default) for each, default in pairs}


def field(name: str, annotation: ast.expr, value: ast.expr | None) -> dict[str, Argument]:
    """Return the argument that a field of a dataclass makes; none for fields that the constructor does not take."""
    if ast.unparse(annotation).startswith("ClassVar"):
        return {}
    if not isinstance(value, ast.Call) or ast.unparse(value.func) != "field":
        return {name: Argument(annotation, value)}
    said = {each.arg: each.value for each in value.keywords}
    if "init" in said and not ast.literal_eval(said["init"]):
        return {}
    default, maker = said.get("default"), said.get("default_factory")
    if maker is not None:
        default = maker.body if isinstance(maker, ast.Lambda) else ast.Call(maker, [], [])
    return {name: Argument(annotation, default, last="kw_only" in said)}
