"""Recipes that describe nothing that there is, or more than there can be."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.cases import Case, each_kind_first, setting

GENERATED = "data={{class: datasets.Generated, shape: {0}, classes: {1}, train: {2}, test: {3}}}"
FOREIGN = (
    "st.Bernard",
    "os.system",
    "subprocess.Popen",
    "collections.OrderedDict",
    "torch.jit.ScriptModule",
    "builtins.X",
)
CODE = "import pathlib, torch\npathlib.Path('ran').touch()\nclass Net(torch.nn.Linear): pass\n"

CASES = [
    *[setting("foreign class", f"network={{class: {name}}}") for name in FOREIGN],
    *[setting("foreign class", f"threat={name}") for name in FOREIGN[:2]],
    *[setting("foreign class", f"trainer.optimizer={name}") for name in FOREIGN[:3]],
    *[
        setting("odd class", f"network={{class: {name}}}")
        for name in (
            "3",
            "[1]",
            "{a: 1}",
            "null",
            "''",
            "..",
            "architectures",
            ".x",
            "__main__.X",
            "architectures.__doc__",
        )
    ],
    *[setting("class of another kind", f"{key}=threats.LinfBall") for key in ("network", "data", "trainer.objective")],
    *[
        setting("misspelt class", f"threat={{class: threats.{name}}}")
        for name in ("Linf", "linfball", "LinfBall ", "L∞Ball")
    ],
    *[
        setting("abstract class", f"{key}={{class: {c}}}")
        for key, c in {"threat": "concepts.perturbation_set.ThreatModel", "data": "concepts.dataset.Dataset"}.items()
    ],
    *[
        setting("text for an object", f"{key}={text}")
        for key in ("trainer", "network", "threat")
        for text in ("/etc/passwd", "mine.yaml", "'{class_path: os.system}'", "{class_path: os.system}")
    ],
    *[
        setting("object for text or number", f"{key}=threats.LinfBall")
        for key in ("seed", "trainer.epochs", "threat.eps")
    ],
    *[
        setting("wrong type", f"trainer.epochs={value}")
        for value in ("three", "1.5", "[1]", "{a: 1}", "null", "true", "''")
    ],
    *[setting("wrong type", f"threat.eps={value}") for value in ("[1]", "{a: 1}", "null", "a/b", "1/0", "x" * 300)],
    *[setting("wrong type", f"seed={value}") for value in ("x", "1.5", "[1]", "{}", "9" * 30)],
    *[setting("no number", f"threat.eps={value}") for value in (".nan", ".inf", "-.inf", "-1", "1e999")],
    *[setting("unknown argument", f"{key}=1") for key in ("threat.epss", "trainer.epoch", "network.x", "evaluator.y")],
    *[setting("no such place", f"{key}=1") for key in ("evaluator.verifiers.9.x", "threat.eps.x")],
    *[setting("endless training", f"trainer.epochs={n}") for n in ("1" + 30 * "0", "1e30", "1000001", "0", "-1")],
    *[setting("endless training", f"trainer.batch={n}") for n in ("1" + 30 * "0", "0", "-1")],
    *[
        setting("too many classes", GENERATED.format("[1, 8, 8]", n, 9, 9))
        for n in ("10000000000", "100001", "0", "-1")
    ],
    *[setting("too many examples", GENERATED.format("[1, 8, 8]", 2, n, 9)) for n in ("10000000000", "9000000", "0")],
    *[setting("too large inputs", GENERATED.format(s, 2, 9, 9)) for s in ("[100000, 100000]", "[]", "[-1]", "[1, 0]")],
    *[
        setting("impossible points", f"data={{class: datasets.Points, {given}}}")
        for given in (
            "count: 0",
            "count: 1000000000",
            "separation: .nan",
            "separation: 0",
            "count: 9999, separation: 0.5",
        )
    ],
    *[
        setting("impossible subset", f"data={{class: datasets.Subset, data: datasets.MNIST, test: {n}}}")
        for n in ("0", "-1")
    ],
    *[
        setting("no data", f"data={{class: datasets.{name}, {given}}}")
        for name, given in {
            "NpzFile": "path: nowhere.npz",
            "CIFAR10": "folder: nowhere",
            "CIFAR100": "folder: ''",
            "SVHN": "folder: nowhere",
            "HAR": "folder: nowhere",
            "IdxFolder": "folder: nowhere",
            "ImageFolder": "path: nowhere, size: 8",
        }.items()
    ],
    *[
        setting("no regular file", f"data={{class: datasets.NpzFile, path: {path}}}")
        for path in ("/dev/zero", "/dev/full", "/", "/proc/self/mem", "/dev/stdin", "'a\\0b'")
    ],
    *[setting("text that looks like a class", "data={class: datasets.NpzFile, path: st.Bernard}")],
]


@each_kind_first(CASES)
def test_values_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    said = refused(*case.prepare(tmp_path / "inputs"))
    if case.kind == "foreign class":
        assert re.search("--allow-code|there is no class|written as a mapping", said)


@pytest.mark.parametrize(
    "where", ["{class: mine.Net}", "mine.Net", "mine.net", "{class: datasets.NpzFile, path: mine.Net}"]
)
def test_no_code_runs_unless_the_user_says_so(where: str, refused: Callable[..., str], tmp_path: Path, monkeypatch):
    folder = tmp_path / "inputs"
    (folder / "mine.py").write_text(CODE)
    for key in ("network", "data"):
        refused("train", "mnist-demo", "--set", f"{key}={where}", "--run", "../run")


def test_what_fails_in_the_users_own_code_is_shown(refused: Callable[..., str], tmp_path: Path):
    said = refused("train", "mnist-demo", "--set", "network={class: nosuch.Net}", "--allow-code", "--run", "../run")
    assert "importing nosuch failed with ModuleNotFoundError: No module named 'nosuch'" in said
