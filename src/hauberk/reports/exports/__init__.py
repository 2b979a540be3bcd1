"""Results of runs in forms that other programs read: text made from the runs' files alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hauberk.errors import InputError
from hauberk.reports.exports.example_rows import example_rows
from hauberk.reports.exports.latex_table import latex_table
from hauberk.reports.exports.model_info import model_info
from hauberk.reports.exports.summaries import summaries
from hauberk.reports.run_files import Run, read_runs

FORMATS: dict[str, Callable[[Sequence[Run]], str]] = {
    "csv": example_rows,
    "json": summaries,
    "latex": latex_table,
    "robustbench": model_info,
}
"""The functions that make the text of each format."""


def export(folders: Sequence[Path], form: str) -> str:
    """Return the results of runs, with all their evaluations, in one of the formats.

    Raises:
        InputError: there is no such format, or a run's file is missing, corrupt or holds what the format cannot say.
    """
    if form not in FORMATS:
        raise InputError(f"there is no format {form!r:.40}: choose one of {', '.join(FORMATS)}.")
    return FORMATS[form](read_runs(folders))


__all__ = ["FORMATS", "export"]
