"""The report: one self-contained HTML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hauberk.atomic import write_text
from hauberk.errors import InputError
from hauberk.reports.accuracies import sure
from hauberk.reports.class_rows import MANY, class_rows
from hauberk.reports.comparison import method, minutes
from hauberk.reports.comparison_view import compare, mean_of
from hauberk.reports.contents import contents
from hauberk.reports.downloads import LARGEST, records_as_csv
from hauberk.reports.examples import draw_strip
from hauberk.reports.families import compares, distinct_names
from hauberk.reports.figures import (
    attack_distances,
    central_range,
    draw_bounds,
    draw_curves,
    draw_distances,
    draw_layers,
)
from hauberk.reports.learning_curves import draw_course, draw_learning_curves
from hauberk.reports.radius_curves import RadiusCurve, radius_table
from hauberk.reports.radius_figures import draw_radius_curve
from hauberk.reports.recipe_keys import brief
from hauberk.reports.rest import undone
from hauberk.reports.run_files import Run, read_runs
from hauberk.reports.studies import draw_studies
from hauberk.reports.study_files import StudyFile
from hauberk.reports.tables import (
    attack_table,
    duration,
    headline_rows,
    percent,
    percent_interval,
    points,
    points_interval,
)
from hauberk.reports.unforeseen import draw_faces


def write_report(runs: Sequence[Path], output: Path) -> Path:
    """Write the report of some runs and return its path.

    The file needs no network and no other file; whatever the runs' files say is shown as text, never executed. It
    replaces an older one only when it is complete.

    Args:
        runs: the folders of the runs, or of single evaluations; several evaluations are compared in a table at the top.
        output: the path of the HTML file; missing folders are created.

    Raises:
        InputError: there is no run, or a run's file is missing or corrupt; the message names it and what to do.
    """
    if not runs:
        raise InputError("there is no run to report: pass the folder of at least one.")
    write_text(output, page("report.html.j2", _context(read_runs(runs))))
    return output


def page(template: str, content: dict[str, Any]) -> str:
    """Return a page, made by filling in a template of this package."""
    return _environment().get_template(template).render(content)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("hauberk.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": brief,
        "contents": contents,
        "mean_of": mean_of,
        "percent": percent,
        "interval": percent_interval,
        "duration": duration,
        "thousands": "{:,}".format,
        "points": points,
        "sure": sure,
        "points_interval": points_interval,
    }
    return environment


def _context(runs: list[Run]) -> dict[str, Any]:
    several = len(runs) > 1
    views = [
        _view(run, name, f"run-{number}-" if several else "", LARGEST // len(runs))
        for number, (run, name) in enumerate(zip(runs, distinct_names(runs), strict=True), start=1)
    ]
    asked: dict[str, list[tuple[str, StudyFile]]] = {}
    for view in views:
        for study in view["run"].studies:
            asked.setdefault(study.name, []).append((view["name"] if several else "", study))
    studies = {
        name: draw_studies(found, f"study-{place}") for place, (name, found) in enumerate(asked.items(), start=1)
    }
    return {
        "views": views,
        "several": several,
        "studies": studies,
        "many_classes": MANY,
        "compares": compares(runs),
    } | compare(views)


def _view(run: Run, name: str, prefix: str, most: int) -> dict[str, Any]:
    """Return what the template shows about a run.

    Args:
        run: the run.
        name: its name.
        prefix: keeps the ids of several runs apart.
        most: the largest size of records that the page takes.
    """
    summary = run.summary
    bounds = run.records["lower"].drop_nulls().drop_nans()
    bounds = bounds.filter(bounds.is_finite())
    low, high = central_range(bounds) if len(bounds) else (0.0, 0.0)
    distances = attack_distances(summary, run.records)
    radii, what = RadiusCurve.of(run, name), "margin" if summary.smoothing is None else "lead in probability"
    return {
        "run": run,
        "name": name,
        "summary": summary,
        "prefix": prefix,
        "network": run.about.network.rpartition(".")[2],
        "task": f"{run.about.network.rpartition('.')[2]} on {run.about.dataset}",
        "method": method(run),
        "minutes": minutes(run),
        "classes": class_rows(run),
        "records": records_as_csv(run, name, most),
        "rows": headline_rows(summary),
        "undone": undone(summary),
        "curves": draw_curves(summary, f"{prefix}curves") if summary.curve else None,
        "attacks": attack_table(summary),
        "distances": draw_distances(summary, distances, f"{prefix}distances") if distances else None,
        "learning": draw_learning_curves(run.training, run.keeps_best, f"{prefix}learning") if run.training else None,
        "course": draw_course(run.training, f"{prefix}course") if run.training else [],
        "strip": draw_strip(run.examples) if run.examples else {},
        "faces": draw_faces(run.faces),
        "layers": draw_layers(run.layers, f"{prefix}layers") if run.layers else None,
        "radii": radii,
        "reached": draw_radius_curve(radii, f"{prefix}radii") if radii else None,
        "radius_rows": radius_table(radii) if radii else [],
        "bounds": draw_bounds(bounds, f"{prefix}bounds", run.about.inputs, what) if len(bounds) else None,
        "bounded": len(bounds),
        "outside": int(((bounds < low) | (bounds > high)).sum()),
    }
