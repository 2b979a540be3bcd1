"""Numbers as people read them, and the headline table in a terminal."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hauberk.reports.accuracies import Share, sure
from hauberk.reports.summary import Summary
from hauberk.reports.typed_json import parse


@dataclass(frozen=True)
class Measure:
    """A row of the headline table.

    Args:
        name: the accuracy's name.
        meaning: the accuracy's meaning, in words.
        share: the accuracy; None if it was not measured.
    """

    name: str
    meaning: str
    share: Share | None


MEANINGS = {
    "clean": ("classified correctly", ""),
    "attacked": ("withstood every attack tried", "no attack was made"),
    "certified": ("proven: nothing in the set changes the answer", "no proof was tried"),
}
"""The meanings of accuracies that were measured, and of those that were not."""


def headline_rows(summary: Summary) -> list[Measure]:
    """Return clean, attacked and certified accuracy, from the largest to the smallest."""
    least = summary.confidence_of_proofs
    also = {
        "clean": "; abstaining is an error" if summary.smoothing else "",
        "attacked": " and every verifier" if summary.refuted else "",
        "certified": "" if least == 1 else f", with a confidence of {sure(least)} each",
    }
    return [
        Measure(name, known + also[name], share)
        if (share := summary.share(name))
        else Measure(name, summary.not_applicable.get(name, unknown), None)
        for name, (known, unknown) in MEANINGS.items()
    ]


@dataclass(frozen=True)
class AttackRow:
    """A row of the table of attacks, as text; an empty cell says nothing.

    Args:
        name: the attack's name.
        meaning: its kind, or the reason why it was not applicable.
        cells: one per heading, or none.
        interval: the interval of the accuracy left, which is the first cell after the counts.
    """

    name: str
    meaning: str
    cells: list[str]
    interval: str = ""


@dataclass(frozen=True)
class AttackTable:
    """The results of each attack, and of all together.

    Args:
        headings: the headings of the columns of cells.
        rows: one per attack.
        total: the row for all attacks together; None if none applied.
    """

    headings: list[str]
    rows: list[AttackRow]
    total: AttackRow | None


def attack_table(summary: Summary) -> AttackTable:
    """Return the table of attacks and their parts left out, without columns about which nothing is known."""
    headings = ["tried", "broken first", "broken"]
    headings += ["accuracy left alone"] * summary.compared + ["median distance (found)"] * summary.measured + ["time"]
    rows = []
    for attack in summary.attacks:
        colour = "black box" if attack.black_box else "white box"
        if attack.not_applicable is not None:
            rows.append(AttackRow(attack.name, attack.not_applicable, []))
            continue
        cells = [f"{count:,}" for count in (attack.tried, attack.broken, attack.succeeded)]
        cells += [percent(attack.alone.share)] if summary.compared and attack.alone else []
        known = attack.median_distance
        of = f" ({attack.found:,} of {attack.tried:,})" if attack.tried else ""
        cells += [("–" if known is None else f"{known:.4g}") + of] * summary.measured
        interval = percent_interval(attack.alone) if summary.compared and attack.alone else ""
        meaning = ". ".join([colour, *(remark.rstrip(".") for remark in attack.remarks)])
        rows.append(AttackRow(attack.name, meaning, [*cells, duration(attack.seconds)], interval))
    return AttackTable(headings, rows, all_attacks(summary))


def all_attacks(summary: Summary) -> AttackRow | None:
    """Return the row for all attacks together; None if none applied."""
    left = summary.attacked
    if left is None or not summary.attackers:
        return None
    broken = f"{summary.clean.count - left.count:,}"
    cells = [f"{summary.clean.count:,}", broken, broken]
    cells += [percent(left.share)] * summary.compared + [""] * summary.measured
    seconds = sum(attack.seconds for attack in summary.attacks)
    interval = percent_interval(left) if summary.compared else ""
    everyone = "attacks and verifiers" if summary.refuted else "all attacks"
    return AttackRow(everyone, "worst case per example", [*cells, duration(seconds)], interval)


def print_headline(content: dict[str, Any], console: Console, variant: str = "") -> None:
    """Print the headline table, from the content of evaluation/summary.json, and the name of its variant, if any."""
    summary = read(content)
    table = Table("accuracy", "meaning")
    for heading in ("examples", "share", f"exact {summary.confidence * 100:g} % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in headline_rows(summary):
        share = row.share
        cells = (f"{share.count:,}", percent(share.share), percent_interval(share)) if share else ("–", "–", "–")
        table.add_row(row.name, row.meaning, *cells)
    of = f"{variant} | " if variant else ""
    title = f"{of}{summary.threat} | {summary.examples:,} examples | {summary.who}"
    console.print(Text(title), table, sep="\n")  # as Text, [ and ] in a name are not markup
    if summary.statement:
        console.print(Text(summary.statement.sentence("examples")))
    for attack in summary.attacks:
        for remark in attack.remarks:
            console.print(Text(f"{attack.name}: {remark}"))


def headline_line(content: dict[str, Any], seconds: float, report: Path) -> str:
    """Return the one line that ends a command: accuracies, task, time, and path of the report."""
    return " | ".join([headline(content), f"{seconds / 60:.1f} min", f"report {report}"])


def headline(content: dict[str, Any]) -> str:
    """Return accuracies and task on one line, from the content of evaluation/summary.json."""
    summary = read(content)
    accuracies = [
        f"{row.name} {percent(row.share.share, 1) if row.share else row.meaning}"
        for row in headline_rows(summary)
        if row.share or row.name in summary.not_applicable
    ]
    parts = [*accuracies, summary.threat, f"{summary.examples} examples"]
    parts += [] if summary.who == "network" else [summary.who]
    return " | ".join(parts)


def read(content: dict[str, Any]) -> Summary:
    """Return the summary that an evaluation has just written."""
    return parse(json.dumps(content), Summary, "the summary", "evaluate again")


def percent(share: float, decimals: int = 2) -> str:
    """Return a share as a percentage: two decimals in tables, one in sentences."""
    return f"{share * 100:.{decimals}f} %"


def percent_interval(share: Share) -> str:
    """Return the interval of a share, rounded outward so that it keeps its confidence."""
    low, high = (round(end * 1e4, 6) for end in (share.low, share.high))  # 0.29 * 1e4 is not quite 2900
    return f"{math.floor(low) / 100:.2f} \N{EN DASH} {math.ceil(high) / 100:.2f} %"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{difference * 100:+.2f}".replace("-", "\N{MINUS SIGN}")


def points_interval(low: float, high: float) -> str:
    """Return the interval of a difference of shares, rounded outward so that it keeps its confidence."""
    ends = math.floor(round(low * 1e4, 6)) / 1e4, math.ceil(round(high * 1e4, 6)) / 1e4
    return " to ".join(points(end) for end in ends)


def duration(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    for unit, length, limit in [("s", 1, 120), ("min", 60, 7200)]:
        if seconds < limit:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 3600:.1f} h"
