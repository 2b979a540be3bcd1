"""Recipes whose text is no recipe."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from hostile.cases import Case, each_kind_first, file

TEXT = files("hauberk.recipes").joinpath("mnist-demo.yaml").read_text(encoding="utf-8")
LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}], y: 1}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def recipe(kind: str, name: str, content: str | bytes) -> Case:
    """Return the case of a recipe's text."""
    return file(
        kind, name, content.encode() if isinstance(content, str) else content, "train", "mine.yaml", "--run", "r"
    )


def made(name: str, make: Callable[[Path], object]) -> Case:
    """Return the case of a recipe that is no regular file."""

    def prepare(folder: Path) -> list[str]:
        make(folder / "mine.yaml")
        return ["train", "mine.yaml", "--run", "r"]

    return Case("no regular file", name, prepare)


CASES = [
    *[recipe("encoding", name, TEXT.encode(name)) for name in ("utf-16", "utf-32", "utf-16-le", "cp037")],
    *[recipe("encoding", f"ä in {name}", f"# ä\n{TEXT}".encode(name)) for name in ("latin-1", "cp1252", "cp850")],
    *[
        recipe("no text", name, text)
        for name, text in {"zeros": bytes(99), "\\x01": b"a: \x01", "ELF": b"\x7fELF"}.items()
    ],
    *[recipe("empty", repr(text), text) for text in ("", "\n", "# a", "---", "null", "~", "{}", "\ufeff", "...")],
    *[
        recipe("no mapping", text, text)
        for text in ("- 1", "1", "text", "[]", "true", "1.5", "2020-01-01", "'a'", "- {}")
    ],
    *[
        recipe("not YAML", repr(text), text)
        for text in ("a: b: c", "{", "a: [1", "\ta: 1", "a: 'b", "@", "%x", "a:\n\t- 1")
    ],
    *[recipe("several documents", repr(end), TEXT + end) for end in ("\n---\na: 1", "\n---\n", "\n...\na: 1")],
    *[recipe("equal keys", key, f"{TEXT}\n{key}: 1") for key in ("seed", "data", "'threat'", "scales")],
    recipe("equal keys", "inside", TEXT.replace("eps:", "eps: 0.1, eps:")),
    *[recipe("keys that are no text", key, f"{key}: 1\n{TEXT}") for key in ("1", "yes", "null", "1.5", "2020-01-01")],
    *[recipe("keys that are no text", key, f"? {key}\n: 1\n") for key in ("[a]", "{a: 1}", "!!int 3")],
    *[
        recipe("other tags", tag, f"a: {tag}")
        for tag in ("!x 1", "!!set {a}", "!!binary YQ==", "!!omap [a: 1]", "!!int x")
    ],
    *[
        recipe("code in tags", tag, f"a: !!python/{tag}")
        for tag in (
            "object/apply:os.system ['echo ran > ran']",
            "name:os.system",
            "module:this",
            "object/new:os.system [a]",
        )
    ],
    recipe("growing aliases", "a billion laughs", LAUGHS),
    recipe("growing aliases", "a billion merges", MERGES),
    recipe("growing aliases", "inside a recipe", f"{LAUGHS}{TEXT}"),
    *[
        recipe("odd aliases", text, text)
        for text in ("*a", "a: *b", "&a [*a]", "a: &b {c: *b}", "<<: 1", "<<: [1]", "<<: *a")
    ],
    recipe("nesting", "lists", "[" * 100_000),
    recipe("nesting", "mappings", "{a: " * 20_000),
    recipe("nesting", "closed", "data: " + "[" * 300 + "]" * 300),
    recipe("nesting", "indented", "".join(" " * n + "a:\n" for n in range(400))),
    recipe("length", "keys", "".join(f"key{n}: 1\n" for n in range(100_000))),
    recipe("length", "a list", "a:\n" + "- 1\n" * 30_000),
    recipe("length", "one word", "a" * 10**7),
    recipe("long numbers", "int", "seed: " + "9" * 10_000),
    recipe("long numbers", "sexagesimal", "seed: " + "1:" * 5_000 + "1"),
    recipe("long numbers", "float", "seed: " + "1:" * 5_000 + "1.5"),
    *[
        recipe("unknown section", key, f"{key}: 1\n{TEXT}")
        for key in ("dta", "Data", "class", "<script>", "'a\\nb'", "''")
    ],
    *[recipe("missing section", key, f"{key}: null") for key in ("data", "network", "threat", "trainer")],
    made("folder", Path.mkdir),
    made("pipe", os.mkfifo),
    made("link to a device", lambda path: path.symlink_to("/dev/zero")),
    made("link to nothing", lambda path: path.symlink_to("nowhere")),
    made("link to itself", lambda path: path.symlink_to(path)),
    made("huge", lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 2**40)),
]


@each_kind_first(CASES)
def test_texts_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
