"""Results of a sweep: a table for programs, a page, and a table in a terminal."""

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hauberk.atomic import replacing, write_text
from hauberk.reports.front import draw_front
from hauberk.reports.html import page
from hauberk.reports.recipe_keys import as_text, brief
from hauberk.reports.search_files import Point, Search
from hauberk.reports.tables import duration, percent

MEASURES = ("clean", "attacked", "certified")


def write_search(search: Search) -> Path:
    """Write points.csv and sweep.html into the sweep's folder, and return the path of the page."""
    front = search.front
    table = pl.DataFrame([row(point, point in front) for point in search.points], infer_schema_length=None)
    with replacing(search.folder / "points.csv") as temporary:
        table.write_csv(temporary)
    output = search.folder / "sweep.html"
    content = {
        "search": search,
        "front": front,
        "measures": measures(search),
        "unknown": unknown(search),
        "figure": draw_front(search, "front") if front else None,
        "summary": next((summary for _, summary in search.judged), None),
    }
    write_text(output, page("search.html.j2", content))
    return output


def row(point: Point, on_front: bool) -> dict[str, Any]:
    """Return a point's row of points.csv; accuracies that were not measured are left empty, with the reason."""
    cells: dict[str, Any] = {"number": point.number, **{key: as_text(value) for key, value in point.changes.items()}}
    for name in MEASURES:
        share = point.share(name)
        cells |= {name: share and share.share, f"{name}_low": share and share.low, f"{name}_high": share and share.high}
    examples = point.summary.examples if point.summary else None
    reasons = "; ".join(f"{name} {why}" for name, why in point.summary.not_applicable.items()) if point.summary else ""
    return cells | {
        "not_applicable": reasons or None,
        "examples": examples,
        "seconds": point.seconds,
        "on_front": on_front,
        "failed": point.failure,
    }


def unknown(search: Search) -> list[str]:
    """Return a sentence on each accuracy that is not applicable to some point."""
    return [
        f"Point {point.number}: {measure} {reason}"
        for point, summary in search.judged
        for measure, reason in summary.not_applicable.items()
    ]


def measures(search: Search) -> list[str]:
    """Return the accuracies that were measured at any point."""
    return [name for name in MEASURES if any(name in summary.measures for _, summary in search.judged)]


def print_search(search: Search, console: Console) -> None:
    """Print the points and their accuracies on held-out examples, those on the front with a star."""
    front, names = search.front, measures(search)
    table = Table("", "point")
    for key in search.keys:
        table.add_column(key, overflow="fold")
    for name in [*names, "training"]:
        table.add_column(name, justify="right", no_wrap=True)
    for point in search.points:
        changes = [Text(brief(value)) for value in point.changes.values()]  # as Text, [ and ] are not markup
        shares = [point.share(name) for name in names]
        time = "–" if point.seconds is None else duration(point.seconds)
        cells = [*(percent(share.share) if share else "–" for share in shares), "failed" if point.failure else time]
        table.add_row("*" if point in front else "", str(point.number), *changes, *cells)
    for _, summary in search.judged[:1]:
        said = [summary.threat, f"{summary.examples:,} held-out training examples", summary.who, "* on the front"]
        console.print(Text(" | ".join(said)))
    console.print(table)
    for sentence in unknown(search):
        console.print(Text(sentence))
