from pathlib import Path

import pytest

from hauberk.errors import InputError
from hauberk.failures import told
from hauberk.naming import about, named_evaluation, named_training, variant_name


def test_a_run_itself_has_no_name_and_its_variants_have_those_of_their_folders():
    run = Path("runs/mnist")
    assert (variant_name(run, run), variant_name(run / "variants" / "tiny", run)) == ("", "tiny")


def test_errors_of_any_kind_name_the_variant_and_keep_their_type():
    for kind in (InputError, MemoryError):
        with pytest.raises(kind) as raised, about("tiny"):
            raise kind("too much")
        assert told(raised.value).startswith("variant tiny: ")
        assert str(raised.value) == "too much"
    with pytest.raises(InputError) as raised, about(""):
        raise InputError("too much")
    assert told(raised.value) == "too much"


def test_watchers_are_told_the_variant():
    seen = []
    for name in ("", "tiny"):
        named_training(seen.append, name)({"step": 1})
        named_evaluation(lambda *facts: seen.append(facts), name)("curve", 1, 2)
    assert seen == [{"step": 1}, ("curve", 1, 2), {"step": 1, "variant": "tiny"}, ("tiny, curve", 1, 2)]
