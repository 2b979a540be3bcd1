"""Identities: equal for equal content, different for every bit that differs, in every kind of part."""

import dataclasses
import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import nn

from hauberk.attacks import PGD, Previous
from hauberk.concepts.memory import Memory
from hauberk.errors import InputError
from hauberk.identity import differences, identity
from hauberk.identity.digests import pieces
from hauberk.losses import CrossEntropy
from hauberk.objectives import Free
from identity.kinds import NEAR_ONE, Frozen, Layer, Plain, captured, linear, pairs, tensor

PAIRS, AGAIN = pairs(), pairs()
PLAIN = "identity.kinds.Plain"


@pytest.mark.parametrize("kind", PAIRS)
def test_content_decides(kind: str):
    (one, other), (alike, _) = PAIRS[kind], AGAIN[kind]
    for wrapped in (lambda part: part, lambda part: Plain(part=[part])):
        first, second = identity(wrapped(one)), identity(wrapped(alike))
        assert first == second
        assert differences(first, second) == []
        assert json.loads(json.dumps(first)) == first, "a tree is what JSON gives back"
        assert " at 0x" not in json.dumps(first)
        assert differences(first, identity(wrapped(other)))
        assert differences(identity(wrapped(other)), first)


SAME = {
    "memory layout": lambda: (tensor(), tensor().t().contiguous().t()),
    "view": lambda: (tensor(), torch.arange(9.0)[:6].view(2, 3)),
    "parameter": lambda: (tensor(), nn.Parameter(tensor())),
    "array and tensor": lambda: (tensor(), tensor().numpy()),
    "resolved conjugate": lambda: (torch.tensor([1j]).conj(), torch.tensor([complex(0, -1)])),
    "list and tuple": lambda: ([1, (2,)], (1, [2])),
    "kind of mapping": lambda: ({"a": 1}, OrderedDict(a=1)),
    "one object twice": lambda: ([Plain(a=1)] * 2, [Plain(a=1), Plain(a=1)]),
    "order of attributes": lambda: (Plain(a=1, b=2), Plain(b=2, a=1)),
    "order of a set": lambda: ({0, 8}, {8, 0}),
    "mode": lambda: (linear(), linear().eval()),
    "gradients": lambda: (linear(), linear().requires_grad_(False)),
    "compiled": lambda: (Layer(), torch.compile(Layer())),
    "compiled function": lambda: (captured(1), torch.compile(captured(1))),
    "loss of an attack": lambda: (PGD(CrossEntropy(), 3), PGD(loss=CrossEntropy(), steps=3)),
    "lock in a layer": lambda: (Layer(lock=threading.Lock()), Layer(lock=threading.Lock())),
    "reference in a layer": lambda: (Layer(back=weakref.ref(PAIRS["weight"][0])), Layer(back=weakref.ref(Layer()))),
    "recurrent layer": lambda: tuple(torch.manual_seed(0) and nn.LSTM(2, 3) for _ in range(2)),
}


@pytest.mark.parametrize("what", SAME)
def test_nothing_but_content_decides(what: str):
    one, other = SAME[what]()
    assert differences(identity(one), identity(other)) == []


def test_a_class_that_moves_keeps_its_identity():
    made = [type("Attack", (), {"__module__": place})() for place in ("hauberk.old", "hauberk.new")]
    assert identity(made) == [{"class": "Attack"}] * 2
    assert identity(type(made[0])) == identity(type(made[1])) == "class Attack"


def test_a_users_class_is_not_ours_of_the_same_name():
    theirs = dataclasses.dataclass(frozen=True)(type("CrossEntropy", (), {"__module__": "theirs"}))
    assert identity(theirs()) != identity(CrossEntropy())
    assert identity(theirs) != identity(CrossEntropy)


def test_caches_are_no_part_of_an_identity():
    used, fresh = Frozen(1), Frozen(1)
    used.cache["x"] = torch.ones(3)
    assert used.double == 2
    assert identity(used) == identity(fresh)


def test_a_training_leaves_no_trace_in_what_identifies_it():
    free, start, remembered = Free(CrossEntropy()), Previous(), Memory()
    before = identity([free, start, Plain(memory=remembered)])
    for memory in (free.perturbation, start.last, remembered):
        memory.keep(torch.ones(2, 3))
    assert identity([free, start, Plain(memory=remembered)]) == before


def test_a_class_may_state_what_stands_for_its_objects():
    class Counting:
        def __init__(self, steps: int) -> None:
            self.steps, self.calls, self.lock = steps, 0, threading.Lock()

        def identified_by(self) -> object:
            return self.steps

    used = Counting(3)
    used.calls = 7
    assert identity(used) == identity(Counting(3)) != identity(Counting(4))


def test_global_variables_that_a_lambda_reads_are_part_of_it(monkeypatch: pytest.MonkeyPatch):
    def scaled() -> Callable:
        return lambda x: x * NEAR_ONE

    before = identity(scaled())
    monkeypatch.setitem(globals(), "NEAR_ONE", 2.0)
    assert differences(before, identity(scaled())) == [f"captured.NEAR_ONE: {1 - 2**-24} there, 2.0 here"]


@pytest.mark.parametrize(
    "part",
    [threading.Lock(), (number for number in range(3)), torch.empty(3, device="meta"), nn.LazyLinear(2)],
    ids=["lock", "generator", "no elements", "no weights yet"],
)
def test_what_has_no_content_is_refused_with_its_place(part: object):
    with pytest.raises(InputError, match=r"^evaluator\.attacks\.mine\.1\.held[ .].*identified_by"):
        identity({"attacks": {"mine": [3, Plain(held=part)]}}, "evaluator")


def test_circles_and_depths_end():
    ring = Plain()
    ring.inner = Plain(outer=ring)
    assert identity(ring) == {"class": PLAIN, "inner": {"class": PLAIN, "outer": "the one 2 levels up"}}
    chain: object = None
    for _ in range(5000):
        chain = Plain(next=chain)
    with pytest.raises(InputError, match="50 levels"):
        identity(chain)
    assert identity(Layer(chain=chain)) == identity(Layer(chain=chain)), "but where a layer holds it"


def test_what_is_shared_forty_times_over_is_visited_once():
    def doubled(seed: int) -> object:
        whole: object = [seed]
        for _ in range(40):
            whole = [whole, whole]
        return whole

    first = identity(doubled(1))
    assert len(json.dumps(first)) < 10**6
    assert identity(doubled(1)) == first != identity(doubled(2))


def test_large_parts_are_told_apart_by_hashes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hauberk.identity.walk.LARGEST", 100)
    numbers, large = list(range(200)), {f"part {i}": list(range(i, i + 30 + i)) for i in range(5)}
    assert isinstance(identity(numbers), str)
    assert identity(numbers) != identity([*numbers[:-1], 0])
    tree = identity(large)
    assert [isinstance(tree[name], str) for name in large] == [False, False, False, True, True], "the largest give way"
    for name in large:
        (changed,) = differences(tree, identity(large | {name: [*large[name][:-1], -1]}))
        assert changed.startswith(name)


def test_tensors_of_any_size_are_hashed_piece_by_piece(monkeypatch: pytest.MonkeyPatch):
    tensors = [torch.arange(60.0).view(shape) for shape in ((60,), (5, 12), (1, 60), (1, 1, 2, 30))]
    whole = [identity(each) for each in tensors]
    for chunk in (1, 7, 100):
        monkeypatch.setattr("hauberk.identity.digests.CHUNK", chunk)
        assert [identity(each) for each in tensors] == whole
        assert all(piece.numel() * 4 <= max(chunk, 4) for each in tensors for piece in pieces(each))
