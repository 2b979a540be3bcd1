"""Docstrings explain every constructor argument, begin as a native engineer would, and their examples run."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import hauberk

ROOT = Path(hauberk.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
QUESTIONS = {"What", "How", "Where", "Whether", "Which", "When", "Who", "Why"}
PACKAGES = [found.name for found in pkgutil.iter_modules(hauberk.__path__) if found.ispkg and found.name != "recipes"]


def public_classes():
    for package in PACKAGES:
        module = importlib.import_module(f"hauberk.{package}")
        for name in getattr(module, "__all__", ()):
            if inspect.isclass(found := getattr(module, name)):
                yield found


CLASSES = sorted(set(public_classes()), key=lambda cls: (cls.__module__, cls.__name__))
EXAMPLES = [cls for cls in CLASSES if ">>>" in (cls.__doc__ or "")]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_constructor_argument_is_explained(cls):
    text = inspect.getdoc(cls) or ""
    if cls.__init__ is object.__init__ or re.search(r"Arguments( and errors)? are those of\s`\w+`", text):
        return
    section = re.search(r"Args:\n(.*?)(\n\S|\Z)", text, re.DOTALL)
    entries = re.findall(r"^    ([\w, ]+):", section[1], re.MULTILINE) if section else []
    explained = {name.strip() for entry in entries for name in entry.split(",")}
    assert [name for name in list(inspect.signature(cls.__init__).parameters)[1:] if name not in explained] == []


def test_summaries_begin_with_a_verb_or_a_noun():
    asking = []
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        texts = [node.value.value for node in ast.walk(tree) if isinstance(node, ast.Expr) and is_text(node.value)]
        asking += [f"{file.name}: {text[:60]}" for text in texts if text.split()[:1] and text.split()[0] in QUESTIONS]
    assert asking == []


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_what_overrides_nothing_says_what_it_does():
    silent = []
    for file in FILES:
        if file.name == "__main__.py" or (file.name.startswith("triton") and not find_spec("triton")):
            continue
        module = importlib.import_module(module_of(file))
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ == module.__name__ and not cls.__name__.startswith("_"):
                silent += [f"{cls.__name__}.{name}" for name in vars(cls) if not (explained(cls, name))]
    assert silent == []


def explained(cls, name):
    """Return whether a member has a docstring, or takes one over, or needs none."""
    member = vars(cls)[name]
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    if name.startswith("_") or name == "cases" or not inspect.isfunction(function):
        return True
    above = cls.__mro__[1:]
    inherited = any(hasattr(base, name) or name in inspect.get_annotations(base) for base in above)
    return bool(function.__doc__) or inherited or function.__module__ != cls.__module__


def module_of(file):
    parts = ["hauberk", *file.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("cls", EXAMPLES, ids=lambda cls: cls.__name__)
def test_examples_run_as_printed(cls):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(recurse=False).find(cls, cls.__name__, globs={}):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_the_classes_that_users_meet_first_have_examples():
    first = {"LinfBall", "L2Ball", "PGD", "FGSM", "APGD", "Interval", "BackwardLinear", "ByBound", "Certified"}
    first |= {"Adversarial", "CrossEntropy", "Margin", "MNIST", "Small", "Normalize", "Trainer", "Evaluator"}
    assert first <= {cls.__name__ for cls in EXAMPLES}
