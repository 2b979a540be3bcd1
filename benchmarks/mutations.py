"""Would a test notice, were the code wrong in one place?

    python benchmarks/mutations.py --count 60 --seed 0

Draws places of the package's rooms and one change for each: another sign, a term left out, a comparison turned or made
non-strict, half a constant, minimum for maximum, "or" for "and", a condition denied, a call around a value or a
statement left out, an index off by one. Each is made alone in a copy of the tree, and the tests that concern the file
run until one fails: its mirrored file, those of its room that name it (all of them, if none does), the room's laws.
Docstrings, messages, annotations, defaults and what only decides about speed stay as they are. Prints each change with
the test that noticed it (a run without end is noticed, too), and each room's share with its exact 95 % interval. A
change that has no consequences is among the survivors: only a reader can tell.
"""

import argparse
import ast
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest
from scipy.stats import binomtest

ROOT = Path(__file__).parents[1]
SOUND = "hold_at_sampled or random_slopes or radius_zero or with_outward or exact_minimum or cancelling"
LAWS = {"bounds": ["bounds", "dual_network"], "propagation": ["bounds", "dual_network"]}
LAWS |= {"verification": ["certificates"], "evaluation": [], "attacks": ["attacks"], "training": []}
BESIDE = {"propagation": "bounds"}  # the room whose tests concern this one's files, too
WHOLE = {"evaluation", "training"}  # whose files work together: all tests of the room concern each
SLOW = {"test_team.py"}  # starts processes, for minutes
LIMIT = 600
SPEED = re.compile(r"budget|chunk|buffer|frugal|at_once|block|monotonic|memory_format|contiguous|strict=", re.I)
SIGNS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.BitAnd: "|", ast.BitOr: "&"}
TURNED = {ast.Lt: ["<=", ">="], ast.LtE: ["<", ">"], ast.Gt: [">=", "<="], ast.GtE: [">", "<"], ast.Eq: ["!="]}
TURNED |= {ast.NotEq: ["=="], ast.Is: ["is not"], ast.IsNot: ["is"], ast.In: ["not in"], ast.NotIn: ["in"]}
OTHER = {"min": "max", "minimum": "maximum", "amin": "amax", "any": "all", "argmin": "argmax", "floor": "ceil"}
OTHER |= {other: name for name, other in OTHER.items()}
AROUND = "abs clamp detach sqrt square log exp nextafter masked_fill clone sign relu sorted round cumsum project fold"
MODULES = {"torch", "F", "math"}
HEAVY = ["torch", "numba", "polars", "highspy", "accelerate"]  # what all tests import


class Mutation(NamedTuple):
    """One change of a file: these bytes of it become that text."""

    file: Path
    line: int
    start: int
    end: int
    before: str
    after: str


def changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield places of the code, and what may stand there instead."""
    text, found = ast.unparse, list[str]()
    match node:
        case ast.BinOp(left, op, right) if type(op) in SIGNS and not isinstance(left, ast.List | ast.Dict):
            found = [f"({text(left)}) {SIGNS[type(op)]} ({text(right)})", text(left)]
        case ast.Compare(left, [op], [right]):
            found = [f"({text(left)}) {turned} ({text(right)})" for turned in TURNED[type(op)]]
        case ast.BoolOp(op, values):
            other, parts = " or " if isinstance(op, ast.And) else " and ", [f"({text(value)})" for value in values]
            found = [other.join(parts), parts[0], parts[-1]]
        case ast.UnaryOp(ast.USub() | ast.Not() | ast.Invert(), operand):
            found = [text(operand)]
        case ast.IfExp(test, body, orelse):
            found = [f"({text(orelse)}) if ({text(test)}) else ({text(body)})"]
        case ast.If(test) | ast.While(test):
            yield test, f"(not ({text(test)}))"
        case ast.Expr(ast.Call()):
            yield node, "pass"
        case ast.keyword(_, ast.Constant(bool(value))):
            yield node.value, str(not value)
        case ast.Subscript(value, ast.Slice(ast.Constant())):
            found = [f"{text(value)}[:{text(node.slice).partition(':')[2]}]"]
        case ast.Subscript(value, ast.Constant(int(place))):
            found = [f"{text(value)}[{place - 1 if place else 1}]"]
        case ast.Call(ast.Name(name) | ast.Attribute(_, name) as function, arguments, keywords):
            given = [text(part) for part in [*arguments, *keywords]]
            owner = None if isinstance(function, ast.Name) or text(function.value) in MODULES else function.value
            if name in OTHER:
                found = [f"{text(function).removesuffix(name)}{OTHER[name]}({', '.join(given)})"]
            elif name in AROUND.split() and (owner or arguments):
                found = [text(arguments[0] if owner is None or name == "project" else owner)]
            elif name == "where" and len(given) == 3:
                found = [f"{text(function)}({given[0]}, {given[2]}, {given[1]})"]
            elif name == "range":
                found = [f"range({', '.join(given)} - 1)"]
    yield from ((node, f"({after})") for after in found if isinstance(node, ast.expr))
    taking = isinstance(node, ast.BinOp | ast.Compare | ast.Assign | ast.keyword | ast.Tuple)
    for number in ast.iter_child_nodes(node) if taking else ():
        match number:
            case ast.Constant(int(value) | float(value)) if value and not isinstance(value, bool):
                yield number, "1.0" if value == 0.5 else str(value // 2 if isinstance(value, int) else value / 2)


def visited(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that computing goes through: no annotation, message, decorator, default or example."""
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Assert() | ast.FunctionDef("cases"):
            return
        case ast.Assign([ast.Name(name)], ast.BinOp(op=ast.BitOr())) if name[0].isupper():
            return  # a union of types
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list") and not isinstance(value, ast.arguments):
            for child in value if isinstance(value, list) else [value]:
                yield from visited(child) if isinstance(child, ast.AST) else ()


def mutations(file: Path) -> Iterator[Mutation]:
    """Yield every change of a file."""
    source = file.read_bytes()
    lines = [b"", *source.splitlines(keepends=True)]
    for node in visited(ast.parse(source)):
        for place, after in changes(node):
            first, last = place.lineno, place.end_lineno or 0
            start = sum(map(len, lines[:first])) + place.col_offset
            end = sum(map(len, lines[:last])) + (place.end_col_offset or 0)
            if not SPEED.search(b"".join(lines[first : last + 1]).decode()):
                yield Mutation(file.relative_to(ROOT), first, start, end, ast.unparse(place), after)


def drawn(rooms: list[str], count: int, seed: int) -> list[Mutation]:
    """Return mutations of different lines: one of each room, one more of each, and so on."""
    generator, chosen = random.Random(seed), list[list[Mutation]]()
    for number, room in enumerate(rooms):
        lines: dict[tuple[Path, int], list[Mutation]] = {}
        for file in sorted((ROOT / "src/hauberk" / room).glob("*.py")):
            for mutation in mutations(file):
                lines.setdefault((mutation.file, mutation.line), []).append(mutation)
        share = count // len(rooms) + (number < count % len(rooms))
        places = generator.sample(sorted(lines), min(share, len(lines)))
        chosen.append([generator.choice(lines[place]) for place in places])
    return [mutation for turn in zip_longest(*chosen) for mutation in turn if mutation]


def concerned(mutation: Mutation) -> Iterator[list[str]]:
    """Yield arguments of pytest: first the tests of the file and its room, then the laws."""
    tree = ast.parse((ROOT / mutation.file).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    named = re.compile(rf"\b({'|'.join(names) or '(?!)'})\b")
    room, stem = mutation.file.parent.name, f"test_{mutation.file.stem}"
    module = re.compile(rf"hauberk.{room}.{mutation.file.stem} import")
    tests = {f: f.read_text() for f in sorted((ROOT / "tests").glob("*/test_*.py")) if f.parent.name != "laws"}
    own = {f: t for f, t in tests.items() if f.parent.name in (room, BESIDE.get(room)) and f.name not in SLOW}
    near = {f: None for f, t in own.items() if f.stem == stem} | {f: None for f, t in own.items() if named.search(t)}
    near |= {f: None for f, t in tests.items() if module.search(t)}
    near |= dict.fromkeys(own if room in WHOLE or not near else ())
    yield [str(f.relative_to(ROOT)) for f in near]
    words = SOUND if room == "propagation" else " or ".join(name for name in names if name[0].isupper())
    if words and LAWS[room]:
        yield [*(f"tests/laws/test_{law}.py" for law in LAWS[room]), "-k", words]


def tested(tree: Path, given: list[str]) -> None:
    """Run tests of a tree, in a process of their own; leaves the answer in a file beside it."""
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree / "src")
    sys.path[0] = str(tree / "src")  # no longer the folder of this file, in which there are other attacks
    sys.stdout = sys.stderr = (tree / "answer").open("w")
    code = pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *given])
    sys.stdout.flush()
    os._exit(int(code))


def noticed(mutation: Mutation, tree: Path) -> str | None:
    """Return which test fails on a tree with this change, which is then undone: None if all pass."""
    source = (tree / mutation.file).read_bytes()
    try:
        write(tree / mutation.file, source[: mutation.start] + mutation.after.encode() + source[mutation.end :])
        for given in concerned(mutation):
            process = multiprocessing.get_context("fork").Process(target=tested, args=(tree, given))
            process.start()
            process.join(LIMIT)
            if process.is_alive():
                process.kill()
                return f"no end within {LIMIT} s"
            if process.exitcode not in (0, 5):  # 5: no such tests
                failed = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", (tree / "answer").read_text(), re.M)
                return failed[0] if failed else f"pytest ends with {process.exitcode}"
    finally:
        write(tree / mutation.file, source)
    return None


def write(file: Path, text: bytes) -> None:
    """Write a source file, and forget what was compiled from it: times of files are too coarse to tell."""
    file.write_bytes(text)
    for cached in file.parent.glob(f"__pycache__/{file.stem}.*"):
        cached.unlink()


def main() -> None:
    """Draw, try and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", choices=LAWS, help="one room alone; all of them, if none is given")
    arguments = parser.parse_args()
    rooms, start = [arguments.room] if arguments.room else list(LAWS), time.perf_counter()
    tally, chosen = {room: [0, 0] for room in [*rooms, "all"]}, drawn(rooms, arguments.count, arguments.seed)
    for module in HEAVY:
        import_module(module)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "tests", "benchmarks"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy2(ROOT / name, folder)
        for mutation in chosen:
            answer = noticed(mutation, Path(folder))
            for room in (mutation.file.parent.name, "all"):
                tally[room] = [tally[room][0] + (answer is not None), tally[room][1] + 1]
            place = f"{mutation.file.relative_to('src/hauberk')}:{mutation.line}"
            print(f"{place:45} {mutation.before[:90]}  ->  {mutation.after[:90]}")
            print(f"{'':8}{f'killed by {answer}' if answer else 'SURVIVED'}", flush=True)
    for room, (killed, count) in tally.items():
        if count:
            found = binomtest(killed, count).proportion_ci(0.95, "exact")
            print(f"{room:14}{killed:4} of{count:4} killed, {killed / count:6.1%}: {found.low:.1%} .. {found.high:.1%}")
    print(f"seed {arguments.seed}, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
