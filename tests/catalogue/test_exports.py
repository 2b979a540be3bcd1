"""What the source files say is what is imported."""

import importlib
import inspect

from hauberk.catalogue.exports import exports, path_of, paths, summary
from hauberk.recipe import public_classes


def test_the_classes_of_recipes_are_found():
    assert set(paths()) == set(public_classes()) - {"accepted.CheckedAttack"}


def test_summaries_are_the_first_sentences_of_docstrings():
    for package, names in exports().items():
        module = importlib.import_module(f"hauberk.{package}")
        for name, file in names.items():
            text = " ".join((inspect.getdoc(getattr(module, name)) or "").split("\n\n")[0].split())
            found = summary(name, file)
            assert found, name
            assert text.startswith(found), name
            assert found == text or found.endswith((".", "!", "?")), name


def test_a_class_is_found_by_its_name_alone():
    assert path_of("PGD") == "attacks.PGD"
    assert path_of("InOrder") is None  # one of augmentations, and one of verification
