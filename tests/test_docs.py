"""The documentation: its code runs, its commands parse, its links lead somewhere.

Blocks of a page run in order, in one folder and one namespace: python is executed, and the `hauberk` commands of bash
are run; those of sh are parsed. A block whose first line is a comment with a file's name is that file, saved beside the
others.
"""

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from hauberk.cli import main, parser
from hauberk.recipe import shipped_recipes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
LONG = {"coming-from.md", "parts.md", "compare.md", "train.md"}
"""Pages whose blocks take several seconds: the longer run's."""


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of hauberk in lines of a shell."""
    for line in re.split(r"\n|&&|;", text.replace("\\\n", " ")):
        if found := re.match(r"(?:\s*(?:\$|do|.*-m))?\s*hauberk (.*)", line):
            yield shlex.split(found[1], comments=True)


def anchors(page: Path) -> set[str]:
    """Return the anchors that the site makes of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


def with_blocks() -> list[object]:
    found = [page for page in PAGES if any(kind in ("python", "bash") for kind, _ in blocks(page))]
    marks = {page: [pytest.mark.product] if page.name in LONG else [] for page in found}
    return [pytest.param(page, marks=marks[page], id=named(page)) for page in found]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("page", with_blocks())
def test_the_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(0)
    threads, namespace = torch.get_num_threads(), {"__name__": "__main__"}
    try:
        for kind, text in blocks(page):
            if file := re.match(r"# ([\w.-]+\.(?:py|yaml))\b", text):
                (tmp_path / file[1]).write_text(text, encoding="utf-8")
            if kind == "python":
                exec(compile(text, f"{named(page)}", "exec", dont_inherit=True), namespace)
            for arguments in commands(text) if kind == "bash" else ():
                assert main(arguments) == 0, (arguments, capfd.readouterr().err)
    finally:
        torch.set_num_threads(threads)
        for saved in tmp_path.glob("*.py"):
            sys.modules.pop(saved.stem, None)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_commands_of_a_page_parse(page):
    for _, text in (block for block in blocks(page) if block[0] in ("sh", "bash")):
        for arguments in commands(text):
            parser().parse_args(arguments)


def test_commands_are_found_wherever_they_stand():
    lines = ["ls hauberk", "hauberk info", "$ hauberk a \\", "  b && hauberk c # d", "for x in 1; do hauberk e; done"]
    text = "\n".join([*lines, "python -m hauberk f"])
    assert list(commands(text)) == [["info"], ["a", "b"], ["c"], ["e"], ["f"]]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_and_anchors_lead_somewhere(page):
    lost = []
    for target in LINK.findall(prose(page)):
        if re.match("[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        inside = page == README or found.is_relative_to(DOCS)  # the site holds nothing else
        if not (inside and found.exists()) or (anchor and anchor not in anchors(found)):
            lost.append(target)
    assert lost == []


def test_the_readme_is_short_and_begins_with_an_attack():
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) <= 700
    first = next(text for kind, text in blocks(README) if kind == "python").splitlines()
    assert len([line for line in first if line]) <= 5
    assert any("hauberk.attack(" in line for line in first)


def test_every_page_is_in_the_navigation():
    tree = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = re.findall(r"[\w/-]+\.md", str(tree["nav"]))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page != README)


def test_every_leaf_has_its_page():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    leaves = next(floor for floor in contracts[0]["layers"] if "attacks" in floor).split(" | ")
    pages = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")}
    made = {name for name, text in pages.items() if f"\n::: hauberk.{name}\n" in text}
    assert made == {*leaves, "presets"} - {"ops"}


def test_the_site_names_every_recipe():
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in shipped_recipes() if f"`{name}`" not in text] == []
