"""Would a test notice, were the code wrong in one place?

    python benchmarks/mutations.py --count 60 --seed 0

Draws places of the package's rooms and one change for each: another sign, a comparison turned or made non-strict, half a
constant, minimum for maximum, "or" for "and", a condition denied, a call around a value or a statement left out, an index
off by one. Each is made alone in a copy of the tree, and the tests that concern the file run until one fails: its
mirrored file, those of its room that name it (all of them, if none does), then the laws of the room. Docstrings, messages,
annotations and what only decides about speed stay as they are. Prints a line for each mutation with the test that noticed
it (a run without end is noticed, too), and each room's share with its exact 95 % interval. Changes that no test can
notice, because nothing follows from them, are among the survivors: reading them tells.
"""

import argparse
import ast
import copy
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from queue import Queue

from hauberk.evaluation.statistics import interval

ROOT = Path(__file__).parents[1]
SOUND = "hold_at_sampled or random_slopes or radius_zero or with_outward or exact_minimum or cancelling"
LAWS = {
    "bounds": ["test_bounds.py", "test_dual_network.py"],
    "propagation": ["test_bounds.py", "test_dual_network.py"],
    "verification": ["test_certificates.py"],
    "evaluation": [],
    "attacks": ["test_attacks.py"],
    "training": [],
}
BESIDE = {"propagation": ["bounds"]}  # rooms whose tests concern this one's files, which have few of their own
ELSEWHERE = {"test_team.py"}  # starts processes, for minutes
SPEED = re.compile(r"budget|chunk|buffer|frugal|at_once|block|batch_size|monotonic|memory_format|contiguous", re.I)
LIMIT = 400
SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr}
SIGNS |= {ast.BitOr: ast.BitAnd}
STRICT = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURNED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
TURNED |= {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
OTHER = {"min": "max", "minimum": "maximum", "amin": "amax", "any": "all", "argmin": "argmax", "floor": "ceil"}
OTHER |= {other: name for name, other in OTHER.items()}
AROUND = {"abs", "clamp", "detach", "sqrt", "square", "log", "exp", "nextafter", "masked_fill", "clone", "sign", "relu"}
AROUND |= {"sorted", "round", "flip", "cumsum", "neg", "project", "fold", "clamp_"}


@dataclass(frozen=True)
class Mutation:
    """One change of a file: these bytes of it become that text."""

    file: Path
    line: int
    start: int
    end: int
    before: str
    after: str

    @property
    def room(self) -> str:
        return self.file.parent.name


def changes(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what an expression may be changed to."""
    new = copy.deepcopy(node)
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS and not isinstance(node.left, ast.List | ast.Dict):
        yield ast.BinOp(node.left, SIGNS[type(node.op)](), node.right)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            yield node.left
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kinds in (STRICT, TURNED):
            if type(node.ops[0]) in kinds:
                yield ast.Compare(node.left, [kinds[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        yield node.values[0]
        yield node.values[-1]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and isinstance(new, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        module = isinstance(node.func, ast.Name) or ast.unparse(node.func.value) in ("torch", "F", "math")
        if name in OTHER:
            new.func = ast.Name(OTHER[name]) if isinstance(node.func, ast.Name) else node.func
            new.func = ast.Attribute(node.func.value, OTHER[name]) if isinstance(node.func, ast.Attribute) else new.func
            yield new
        elif name in AROUND and (node.args or not module):
            yield node.args[0] if module or not isinstance(node.func, ast.Attribute) else node.func.value
        elif name == "where" and len(node.args) == 3:
            yield ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], [])
        elif name == "range":
            *first, last = node.args
            yield ast.Call(node.func, [*first, ast.BinOp(last, ast.Sub(), ast.Constant(1))], [])
        for number, keyword in enumerate(node.keywords):
            if keyword.arg in OTHER or (
                isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool)
            ):
                other = copy.deepcopy(node)
                given = other.keywords[number]
                given.arg = OTHER.get(keyword.arg or "", keyword.arg)
                if isinstance(given.value, ast.Constant) and isinstance(given.value.value, bool):
                    given.value = ast.Constant(not given.value.value)
                yield other
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.UnaryOp | ast.Slice | ast.Constant):
        place = node.slice
        if isinstance(place, ast.Slice) and isinstance(place.lower, ast.Constant):
            yield ast.Subscript(node.value, ast.Slice(None, place.upper, place.step))
        elif isinstance(place, ast.UnaryOp):
            yield ast.Subscript(node.value, ast.Constant(0))
        elif isinstance(place, ast.Constant) and isinstance(place.value, int):
            yield ast.Subscript(node.value, ast.Constant(place.value + 1 if place.value < 1 else place.value - 1))


def halved(node: ast.AST) -> Iterator[tuple[ast.Constant, ast.Constant]]:
    """Yield the numbers that an operator or an assignment takes, with half of each: of one, nothing."""
    within = (ast.BinOp, ast.Compare, ast.Assign, ast.keyword, ast.Tuple)
    for child in ast.iter_child_nodes(node) if isinstance(node, within) else ():
        if isinstance(child, ast.Constant) and type(child.value) in (int, float) and child.value:
            value = child.value // 2 if isinstance(child.value, int) else child.value / 2
            yield child, ast.Constant(1.0 if child.value == 0.5 else value)


def visited(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that computing goes through: no annotation, message, decorator or example."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom | ast.Assert):
        return
    if isinstance(node, ast.FunctionDef) and node.name == "cases":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from visited(child)


def mutations(file: Path) -> list[Mutation]:
    """Return every change of a file."""
    text = file.read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []

    def note(node: ast.expr | ast.stmt, after: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        lines = text[starts[node.lineno - 1] : starts[node.end_lineno]].decode()
        if not SPEED.search(lines):
            found.append(Mutation(file.relative_to(ROOT), node.lineno, start, end, ast.unparse(node), after))

    for node in visited(ast.parse(text)):
        for change in changes(node):
            assert isinstance(node, ast.expr)
            note(node, f"({ast.unparse(ast.fix_missing_locations(change))})")
        for number, half in halved(node):
            note(number, ast.unparse(half))
        if isinstance(node, ast.If | ast.While):
            note(node.test, f"(not ({ast.unparse(node.test)}))")
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            note(node, "pass")
    return found


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


def commands(mutation: Mutation) -> Iterator[list[str]]:
    """Yield arguments of pytest: first the tests of the file and its room, then the laws."""
    tree = ast.parse((ROOT / mutation.file).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    named = re.compile(rf"\b({'|'.join([*names, f'{mutation.room}.{mutation.file.stem}'])})\b")
    rooms = [mutation.room, *BESIDE.get(mutation.room, [])]
    files = [f for room in rooms for f in sorted((ROOT / "tests" / room).glob("test_*.py")) if f.name not in ELSEWHERE]
    near = [file for file in files if file.stem == f"test_{mutation.file.stem}" or named.search(file.read_text())]
    near.sort(key=lambda file: file.stem != f"test_{mutation.file.stem}")
    yield [str(file.relative_to(ROOT)) for file in near or files]
    classes = [name for name in names if name[0].isupper()]
    words = SOUND if mutation.room == "propagation" else " or ".join(classes)
    if words and LAWS[mutation.room]:
        yield [*(f"tests/laws/{law}" for law in LAWS[mutation.room]), "-k", words]


def noticed(mutation: Mutation, tree: Path) -> str | None:
    """Return which test fails on a tree with this change, which is then undone: None if all pass."""
    file = tree / mutation.file
    text = file.read_bytes()
    changed = text[: mutation.start] + mutation.after.encode() + text[mutation.end :]
    try:
        write(file, changed)
        for given in commands(mutation):
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *given]
            environment = os.environ | {"PYTHONPATH": str(tree / "src")}
            ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT)
            if ran.returncode not in (0, 5):  # 5: no such tests
                failed = re.findall(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", ran.stdout, re.M)
                return failed[0] if failed else f"pytest ends with {ran.returncode}"
    except subprocess.TimeoutExpired:
        return f"no end within {LIMIT} s"
    finally:
        write(file, text)
    return None


def write(file: Path, text: bytes) -> None:
    """Write a source file, and forget what was compiled from it: times of files are too coarse to tell."""
    file.write_bytes(text)
    for cached in file.parent.glob(f"__pycache__/{file.stem}.*"):
        cached.unlink()


@contextmanager
def copied(count: int) -> Iterator[Queue[Path]]:
    """Give that many copies of the tree, what was compiled from it included."""
    trees: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            for name in ("src", "tests", "benchmarks"):
                shutil.copytree(ROOT / name, Path(folder) / str(number) / name)
            for name in ("pyproject.toml", "README.md"):
                shutil.copy2(ROOT / name, Path(folder) / str(number))
            trees.put(Path(folder) / str(number))
        yield trees


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", choices=LAWS, help="one room alone; all of them, if none is given")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the mutations and run nothing")
    arguments = parser.parse_args()
    rooms, start = [arguments.room] if arguments.room else list(LAWS), time.perf_counter()
    tally = {room: [0, 0] for room in rooms}
    chosen = drawn(rooms, arguments.count, arguments.seed)
    with copied(arguments.jobs) as trees, ThreadPoolExecutor(arguments.jobs) as pool:

        def tried(mutation: Mutation) -> str | None:
            tree = trees.get()
            try:
                return noticed(mutation, tree)
            finally:
                trees.put(tree)

        answers = [None] * len(chosen) if arguments.list else pool.map(tried, chosen)
        for mutation, answer in zip(chosen, answers, strict=True):
            tally[mutation.room][0] += answer is not None
            tally[mutation.room][1] += 1
            place = f"{mutation.file.relative_to('src/hauberk')}:{mutation.line}"
            change = f"{mutation.before[:90]}  ->  {mutation.after[:90]}"
            print(f"{place:45} {change}\n{'':8}{f'killed by {answer}' if answer else 'SURVIVED'}", flush=True)
    tally["all"] = [sum(column) for column in zip(*tally.values(), strict=True)]
    for room, (killed, count) in tally.items():
        low, high = interval(killed, count)
        print(f"{room:14} {killed:4} of {count:4} killed: {killed / count:6.1%}, 95 % interval {low:.1%} .. {high:.1%}")
    print(f"seed {arguments.seed}, {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
