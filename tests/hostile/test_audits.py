"""Audits of what cannot be audited."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from hostile.cases import Case, each_kind_first
from hostile.makers import Code

NET = b"""
import torch
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 2))

class Failing(nn.Module):
    def forward(self, x):
        raise KeyError("at run time")

class Odd(nn.Module):
    def forward(self, x):
        return {"logits": x.flatten(1)}

class One(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(16, 1))

class Undefined(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(16, 2))
        nn.init.constant_(self[1].weight, float("nan"))

class Lazy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.LazyLinear(2))

class Demanding(nn.Module):
    def __init__(self, width):
        super().__init__()

number = 3
"""


def arrays(**changed: np.ndarray) -> bytes:
    """Return a file of images and labels."""
    given = {"images": np.zeros((4, 1, 4, 4), np.float32), "labels": np.array([0, 1, 0, 1])}
    buffer = io.BytesIO()
    np.savez(buffer, **(given | changed))
    return buffer.getvalue()


def weights(state: object) -> bytes:
    """Return what torch.save writes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def audit(kind: str, name: str, *options: str, model: str = "net.py:make", **files: bytes) -> Case:
    """Return the case of an audit of these files, whose names have _ for the dot; options replace the usual ones."""

    def prepare(folder: Path) -> list[str]:
        usual = {"net_py": NET, "images_npz": arrays()} | files
        for path, content in usual.items():
            stem, _, suffix = path.rpartition("_")
            (folder / f"{stem}.{suffix}").write_bytes(content)
        given = {"--data": "images.npz", "--eps": "0.1", "--minutes": "0.1", "--run": "../run"}
        given |= dict(zip(options[::2], options[1::2], strict=True))
        return ["audit", model, *(part for option in given.items() for part in option)]

    return Case(kind, name, prepare)


CASES = [
    *[
        audit("odd name of a network", name.encode("unicode_escape").decode()[:40], model=name)
        for name in (
            "",
            ":",
            "net.py",
            "net.py:",
            "net.py:no",
            "net.py:number",
            "no.py:make",
            "a" * 5000,
            "\x1b:x",
            "a\nb",
        )
    ],
    *[audit("network that cannot be made", name, model=f"net.py:{name}") for name in ("Demanding", "number")],
    *[
        audit("network that gives no logits", name, model=f"net.py:{name}")
        for name in ("Failing", "Odd", "One", "Undefined", "Lazy")
    ],
    *[
        audit("code of a network that fails", text.decode(errors="replace")[:30], net_py=text)
        for text in (b"def (", b"import nowhere_at_all", b"1 / 0", b"\xff\xfe", b"\x00", b"raise SystemError", b"")
    ],
    *[
        audit("file that is no network", name, model=name, **{name.replace(".", "_"): content})
        for name, content in (("a.pt", weights({})), ("b.onnx", b""), ("c.pt2", b"PK"), ("d.safetensors", b""))
    ],
    *[
        audit("weights that do not fit", name, "--weights", "w.pt", w_pt=content)
        for name, content in (
            ("other names", weights({"a": torch.ones(2)})),
            ("other shapes", weights({"1.weight": torch.ones(2, 3), "1.bias": torch.ones(2)})),
            ("no state", weights([1, 2])),
            ("code", weights(Code())),
            ("cut", weights({"1.weight": torch.ones(2, 16)})[:100]),
            ("empty", b""),
        )
    ],
    *[
        audit("data that do not fit", name, images_npz=content)
        for name, content in (
            ("other shape", arrays(images=np.zeros((4, 1, 5, 5), np.float32))),
            ("labels without logits", arrays(labels=np.array([0, 1, 2, 3]))),
            ("no examples", arrays(images=np.zeros((0, 1, 4, 4), np.float32), labels=np.zeros(0, np.int64))),
            ("NaN", arrays(images=np.full((4, 1, 4, 4), np.nan, np.float32))),
            ("out of range", arrays(images=np.full((4, 1, 4, 4), 255, np.float32))),
            ("half precision", arrays(images=np.full((4, 16), 0.5, np.float16), labels=np.array([0, 1, 0, 7]))),
            ("objects", arrays(labels=np.array([Code()] * 4, dtype=object))),
        )
    ],
    *[
        audit("odd option of an audit", f"{option} {value}"[:40], option, value)
        for option, value in (
            *(("--eps", value) for value in ("", "x", "nan", "inf", "-1", "1/0", "8/255/2", "1e400", "[1]")),
            *(("--norm", value) for value in ("", "l3", "linf ", "LINFINITY", "__class__", "../linf")),
            *(("--minutes", value) for value in ("0", "-1", "nan", "inf", "x")),
            *(("--examples", value) for value in ("0", "-1", "1.5", "x")),
            *(("--seed", value) for value in ("x", "1.5", "9" * 30)),
            *(("--size", value) for value in ("x", "1.5")),
            *(("--data", value) for value in ("", "no.npz", ".", "/dev/zero", "net.py", "a" * 300)),
            *(("--weights", value) for value in ("", "no.pt", ".", "/dev/zero", "net.py")),
            *(("--run", value) for value in ("/dev/null", "net.py", ".", "/proc/nowhere/x")),
            *(("--mean", value) for value in ("x", "nan")),
            *(("--device", value) for value in ("tpu", "cuda:99", "")),
            *(("--threads", value) for value in ("0", "x", "99999999")),
        )
    ],
    *[
        audit("odd recipe of an audit", text.decode(errors="replace")[:30], model="odd.yaml", odd_yaml=text)
        for text in (
            *(b"", b"audit", b"audit: 3", b"audit: {}", b"audit: {eps: 1, model: 3}", b"audit: [", b"\xff\xfe\x00"),
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', minutes: 5, minuts: 3}",
            b"audit: {eps: [1, 2], data: images.npz, model: 'net.py:make'}",
            b"audit: {eps: 0.1, data: {a: b}, model: 'net.py:make'}",
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', within: 3}",
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', mean: x, std: y}",
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', weights: [1]}",
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', examples: many}",
            b"audit: {eps: 0.1, data: images.npz, model: 'net.py:make', seed: x}",
            b"audit: {eps: 0.1, data: images.npz, model: 'odd.yaml'}",
        )
    ],
]


@each_kind_first(CASES)
def test_audits_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
    assert not list((tmp_path / "run").rglob("*.parquet"))
