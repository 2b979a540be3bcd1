"""Pickles of plain data: what is read, and that whatever else a file asks for is refused and never happens."""

import builtins
import contextlib
import os
import pickle
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from hauberk.datasets.restricted_pickle import read_plain_pickle
from hauberk.errors import InputError

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def refuse(content, fault=""):
    with pytest.raises(InputError, match=rf"^batch is not a pickle of plain numbers.*{fault}"):
        read_plain_pickle(content, "batch")


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_plain_data(protocol, module, order):
    data = {
        "data": np.asarray(PIXELS, order=order),
        b"labels": [0, 255, 256, 70_000, -1, 2**40],
        7: {"nest": [(), ("x",), (1, 2), (1, 2, 3), (1, 2, 3, 4), None, True, False]},
        "raw": bytes(range(256)),
        "letters": "äß" * 200,
    }
    content = pickle.dumps(data, protocol).replace(b"numpy._core.multiarray", module.encode())
    found = read_plain_pickle(content, "batch")
    array = found.pop("data")
    assert array.dtype == np.uint8
    assert np.array_equal(array, data.pop("data"))
    assert found == data


def test_one_array_and_one_type_may_serve_twice():
    found = read_plain_pickle(pickle.dumps({"a": PIXELS, "b": PIXELS, "c": PIXELS + 1}, 2), "batch")
    assert np.array_equal(found["b"], PIXELS)
    assert np.array_equal(found["c"], PIXELS + 1)


def reduced(function, *arguments):
    """An object whose pickle asks to call `function`."""

    class Trap:
        def __reduce__(self):
            return function, arguments

    return Trap()


@pytest.mark.parametrize("protocol", range(6))
def test_calls_nothing(tmp_path, protocol):
    traps = [
        reduced(os.system, f"touch {tmp_path / 'sprung'}"),
        reduced(Path.touch, tmp_path / "sprung"),
        reduced(builtins.eval, f"open({str(tmp_path / 'sprung')!r}, 'w')"),
        reduced(getattr, reduced(__import__, "os"), "system"),
        reduced(reduced, os.system, "id"),
    ]
    for trap in traps:
        refuse(pickle.dumps({"data": trap}, protocol), "asks for GLOBAL" if protocol in (2, 3) else "asks for")
    assert not (tmp_path / "sprung").exists()


START, END = b"\x80\x02}U\x04data", b"s."  # a dict of one entry, whose value stands between
NDARRAY, DTYPE = b"cnumpy\nndarray\n", b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
DTYPE_STATE = b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\n" + NDARRAY + b"K\x00\x85U\x01b\x87R"


def array(shape, elements, dtype=DTYPE + DTYPE_STATE):
    """The instructions by which Python 2 stores an array."""
    return EMPTY + b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<I", len(elements)) + elements + b"tb"


def test_reads_what_python_2_wrote():
    found = read_plain_pickle(START + array(b"K\x02K\x03\x86", b"\x00\x01\x7f\x80\xfe\xff") + END, "batch")
    assert found["data"].tolist() == [[0, 1, 127], [128, 254, 255]]


HUGE = b"\x8a\x09" + bytes(8) + b"\x01"  # 2^64


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"cos\nsystem\n", "GLOBAL 'os system'"),
        (b"c__builtin__\neval\n", "GLOBAL '__builtin__ eval'"),
        (b"cnumpy\nfromfile\n", "GLOBAL 'numpy fromfile'"),
        (b"cnumpy\nload\n", "GLOBAL 'numpy load'"),
        (b"cnumpy\nndarray\nK\x01\x85R", "calls <object"),
        (b"U\x02osK\x01\x85R", "calls 'os'"),
        (b"(ios\nsystem\n", "asks for INST"),
        (b"(cnumpy\nndarray\no", "asks for OBJ"),
        (NDARRAY + b")\x81", "asks for NEWOBJ"),
        (b"\x82\x01", "asks for EXT1"),
        (b"Pos\n", "asks for PERSID"),
        (b"U\x01xQ", "asks for BINPERSID"),
        (b"U\x02osU\x06system\x93", "asks for STACK_GLOBAL"),
        (b"G?\xf0\x00\x00\x00\x00\x00\x00", "asks for BINFLOAT"),
        (b"}}b", "a dict stands where it cannot"),
        (b"cnumpy\ndtype\n}b", "a function stands where it cannot"),
        (EMPTY, "an array has no contents"),
        (EMPTY.replace(NDARRAY, b"cnumpy\ndtype\n"), "only arrays of the class numpy.ndarray"),
        (b"cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R", "must be of type u1, not 'O8'"),
        (b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R", "must be of type u1, not 'f4'"),
        (b"cnumpy\ndtype\nU\x02u1\x85R", "TypeError"),
        (DTYPE + b"(K\x03U\x01>NNNK\x00K\x00K\x00tb", "the state of an element type is a tuple"),
        (EMPTY + b"(K\x01K\x01\x85" + DTYPE + b"\x89]tb", "the state of an array is a tuple"),
        (array(b"K\x02K\x03\x86", bytes(5)), r"an array of shape \(2, 3\) has 5 elements"),
        (array(b"K\x02K\x03\x86", bytes(7)), r"an array of shape \(2, 3\) has 7 elements"),
        (array(HUGE + HUGE + b"\x86", bytes(7)), "has 7 elements"),
        (array(HUGE + b"K\x00\x86", b""), "OverflowError|ValueError"),
        (array(b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86", bytes(6)), "the shape of an array"),
        (array(b"\x88\x85", bytes(1)), "the shape of an array"),
        (array(b"(" + HUGE * 5 + b"t", bytes(1)), "the shape of an array must be up to 4 sizes"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00xU\x06rot-13\x86R", "latin1, not in 'rot-13'"),
        (b"c_codecs\nencode\nX\x02\x00\x00\x00\xc4\x80\x85R", "UnicodeEncodeError"),
        (b"}K\x01\x85K\x01s", "a tuple stands where it cannot"),  # a key
        (b"}(K\x01u", "ValueError"),  # a key without a value
        (b"K\x01K\x02a", "a int stands where it cannot"),
        (b"h\x07", "KeyError: 7"),
        (b"t", "IndexError"),
        (b"T\xff\xff\xff\x7fx", "expected 2147483647 bytes"),
    ],
)
def test_refuses_what_no_batch_holds(value, fault):
    refuse(START + value + END, fault)


def test_refuses_what_is_no_dict():
    refuse(pickle.dumps([1, 2], 2), "holds a list and no dict")
    refuse(pickle.dumps(PIXELS, 2), "and no dict")
    refuse(b"")
    refuse(b"<html>not found</html>")


def test_a_key_that_would_be_hashed_for_ever_is_refused_at_once():
    nest = b"K\x01" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(200))
    refuse(b"\x80\x02}" + nest + b"K\x01s.", "a tuple stands where it cannot")


def test_refuses_a_nest_too_deep_for_recursion():
    refuse(START + b"cnumpy\ndtype\n" + b")" + b"\x85" * 100_000 + b"K\x00K\x01\x87R" + END, "must be of type u1")


def test_refuses_every_truncation():
    content = pickle.dumps({"data": PIXELS, "labels": [1, 2, 3]}, 2)
    for size in range(len(content)):
        refuse(content[:size])


def test_damage_is_refused_or_harmless():
    content = pickle.dumps({"data": PIXELS, "labels": [1, 300, 3], "raw": b"\xff\x00"}, 2)
    rng = random.Random(0)
    for _ in range(500):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        with contextlib.suppress(InputError):
            assert isinstance(read_plain_pickle(bytes(damaged), "batch"), dict)
