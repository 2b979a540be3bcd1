"""What identifies the inputs that were judged."""

import json

import pytest

from hauberk.errors import InputError
from hauberk.reports.judged_inputs import judged_inputs


def test_inputs_are_told_apart_within_one_scheme(tmp_path):
    plan = tmp_path / "plan.json"
    assert judged_inputs(plan, "evaluate again.") is None
    found = []
    for identity, inputs in ((2, "a"), (2, "b"), (3, "a"), (2, {"class": "Lazy"}), (2, "a")):
        plan.write_text(json.dumps({"identity": identity, "inputs": inputs, "more": 1}))
        found.append(judged_inputs(plan, "evaluate again."))
    assert len(set(found)) == 4
    assert found[0] == found[-1]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"identity": 2}', b"\xff", b"[" * 100_000, b"1"])
def test_a_damaged_plan_is_named(content, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_bytes(content)
    with pytest.raises(InputError, match=r"plan\.json .*: evaluate again\."):
        judged_inputs(plan, "evaluate again.")
