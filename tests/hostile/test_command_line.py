"""Command lines that nobody means."""

from collections.abc import Callable
from pathlib import Path

from hostile.cases import Case, each_kind_first, plain

SWEEP = ("sweep", "mnist-demo", "--run", "../run", "--over")
VALUES = "[" + ", ".join(map(str, range(1, 41))) + "]"
KEYS = ("trainer.epochs", "trainer.batch", "trainer.log_steps", "trainer.held_out")

CASES = [
    *[plain("unknown command", name) for name in ("certify", "", "TRAIN", "-", "../train", "trainn\n", "\x1b[31m")],
    *[
        plain("missing argument", *words)
        for words in (
            ["train"],
            ["cascade"],
            ["evaluate"],
            ["report"],
            ["sweep"],
            ["compare"],
            ["export"],
            ["export", "a"],
        )
    ],
    *[plain("missing value", "train", "mnist-demo", option) for option in ("--set", "--run", "--scale", "--variant")],
    *[plain("unknown option", "train", "mnist-demo", option) for option in ("--epochs", "--set.x", "-x", "--config=a")],
    *[
        plain("wrong number", "cascade", "mnist-demo", "--stages", n)
        for n in ("x", "1.5", "1e10", "nan", "", "0x", "[]")
    ],
    *[
        plain("impossible number", "cascade", "mnist-demo", "--run", "../run", "--stages", n)
        for n in ("0", "-1", "101", "999999999999", "9" * 400)
    ],
    *[plain("too many arguments", command, "a", "b") for command in ("train", "evaluate", "demo")],
    *[
        plain("unknown recipe", "train", name)
        for name in ("mnist-dem", "", " ", ".", "/", "~", "a/b/c", "mnist-demo.yaml", "https://example.org/a.yaml")
    ],
    *[
        plain("odd name of a recipe", "train", name)
        for name in ("a" * 5000, "a\nb", "\x1b[31mred", "ä" * 300, "\ud800")
    ],
    *[plain("unknown scale", "train", "mnist-demo", "--scale", s) for s in ("huge", "", "smoke ", "trainer", "0")],
    *[plain("unknown variant", "train", "mnist-demo", "--variant", v) for v in ("huge", "", "../x", "class", "\n")],
    *[
        plain("malformed change", "train", "mnist-demo", "--set", change)
        for change in ("nonsense", "", "=", "=1", ".=1", "..a=1", "trainer..epochs=1", "trainer.epochs.x=1", "a.b=[")
    ],
    *[
        plain("sweep over nothing", *SWEEP, over)
        for over in ("a", "a=[]", "a=1", "a={}", "=[1]", "a=", "a=[", "a=null")
    ],
    *[
        plain("impossible range", *SWEEP, f"trainer.epochs={given}", "--random", "2")
        for given in ("{low: 2, high: 1}", "{low: .nan, high: 1}", "{low: 0, high: 1, log: true}", "{low: 1, hig: 2}")
    ],
    *[
        plain("impossible count", *SWEEP, "trainer.epochs=[1, 2]", "--random", n)
        for n in ("0", "-1", "3", "1000000000")
    ],
    plain("endless sweep", *SWEEP, f"a={VALUES}", *[part for key in KEYS for part in ("--over", f"{key}={VALUES}")]),
    plain("endless sweep", *SWEEP, "trainer.epochs={low: 1, high: 2}", "--random", "99999999999"),
    *[
        plain("no run", command, name)
        for command in ("evaluate", "report", "compare")
        for name in ("no-such-run", "", "/dev/null")
    ],
    *[plain("no run", "export", name, "--format", "csv") for name in ("no-such-run", "", "/dev/null")],
    *[plain("unknown format", "export", "run", "--format", name) for name in ("xml", "", "CSV", "csv,json")],
    *[
        plain("odd name of an evaluation", "evaluate", "run", "--as", name)
        for name in ("", ".", "..", "../x", "/tmp/x", "a/b", "a" * 51, "a\n", "\x1b[31m", "\ud800", "*", "~")
    ],
    *[plain("odd name of a run", "evaluate", name) for name in ("a" * 300, "a\nb", "\ud800", "a/" * 3000)],
    *[
        plain("odd name of a run", command, name)
        for command in ("report", "compare")
        for name in ("a" * 300, "a\nb", "\ud800", "a/" * 3000)
    ],
    *[
        plain("run where none can be", "train", "mnist-demo", "--scale", "smoke", "--run", name)
        for name in ("/dev/null", "/dev/full", "/dev/null/x", "/proc/nowhere/x", "a" * 300, "/proc/self/fd", "/sys/x")
    ],
]


@each_kind_first(CASES)
def test_command_lines_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
