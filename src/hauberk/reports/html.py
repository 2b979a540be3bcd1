"""The report: one self-contained HTML file."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hauberk.atomic import write_text
from hauberk.errors import InputError
from hauberk.reports.examples import draw_strip
from hauberk.reports.figures import (
    attack_distances,
    central_range,
    draw_bounds,
    draw_curves,
    draw_distances,
    draw_layers,
    draw_training,
)
from hauberk.reports.run_files import Run, read_run
from hauberk.reports.studies import Illustration, draw_study
from hauberk.reports.tables import attack_table, duration, headline_rows, percent, percent_interval


def write_report(runs: Sequence[Path], output: Path) -> Path:
    """Write the report of some runs and return its path.

    The file needs no network and no other file; whatever the runs' files say is shown as text, never executed. It takes
    the place of an older one only when it is complete.

    Args:
        runs: The folders of the runs; several are compared in a table at the top.
        output: Where the HTML file goes; missing folders are made.

    Raises:
        InputError: there is no run, or a run's file is missing or corrupt; the message names it and what to do.
    """
    if not runs:
        raise InputError("there is no run to report: pass the folder of at least one.")
    page = _environment().get_template("report.html.j2").render(_context([read_run(folder) for folder in runs]))
    write_text(output, page)
    return output


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("hauberk.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "interval": percent_interval,
        "duration": duration,
        "thousands": "{:,}".format,
    }
    return environment


def _context(runs: list[Run]) -> dict[str, Any]:
    several = len(runs) > 1
    views = [_view(run, f"run-{number}-" if several else "") for number, run in enumerate(runs, start=1)]
    ordered = sorted(views, key=lambda view: view["run"].summary.subject)  # subjects are never mixed in one table
    subjects = [(subject, list(group)) for subject, group in groupby(ordered, lambda view: view["run"].summary.subject)]
    studies: dict[str, list[tuple[dict[str, Any], Illustration]]] = {}  # the same question, side by side
    for view in views:
        for study, illustration in view["studies"]:
            studies.setdefault(study.name, []).append((view, illustration))
    return {"views": views, "subjects": subjects, "several": several, "studies": studies}


def _view(run: Run, prefix: str) -> dict[str, Any]:
    """Return what the template shows of a run; `prefix` keeps the ids of several runs apart."""
    summary = run.summary
    bounds = run.records["lower"].drop_nulls().drop_nans()
    bounds = bounds.filter(bounds.is_finite())
    low, high = central_range(bounds) if len(bounds) else (0.0, 0.0)
    distances = attack_distances(summary, run.records)
    return {
        "run": run,
        "summary": summary,
        "prefix": prefix,
        "network": run.about.network.rpartition(".")[2],
        "rows": headline_rows(summary),
        "curves": draw_curves(summary, f"{prefix}curves") if summary.curve else None,
        "attacks": attack_table(summary),
        "distances": draw_distances(summary, distances, f"{prefix}distances") if distances else None,
        "training": draw_training(run.training, f"{prefix}training") if run.training else [],
        "strip": draw_strip(run.examples) if run.examples else {},
        "layers": draw_layers(run.layers, f"{prefix}layers") if run.layers else None,
        "studies": [
            (study, draw_study(study, f"{prefix}drawing-{place}")) for place, study in enumerate(run.studies, start=1)
        ],
        "bounds": draw_bounds(bounds, f"{prefix}bounds", run.about.inputs) if len(bounds) else None,
        "bounded": len(bounds),
        "outside": int(((bounds < low) | (bounds > high)).sum()),
    }
