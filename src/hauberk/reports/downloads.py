"""Records as a file that the page itself holds."""

import base64
import re
from dataclasses import dataclass

from hauberk.reports.run_files import Run

LARGEST = 2**20
"""The most bytes of records that a page holds, those of all its runs together."""


@dataclass(frozen=True)
class Download:
    """The records of a run as CSV.

    Args:
        name: the name of the file.
        size: its size in bytes.
        uri: the file as a data URI; empty if it is too large for the page.
    """

    name: str
    size: int
    uri: str


def records_as_csv(run: Run, name: str, most: int) -> Download:
    """Return the records of a run.

    Args:
        run: the run.
        name: its name on the page.
        most: the largest size in bytes that the page takes.
    """
    content = run.records.write_csv().encode("utf-8")
    uri = "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode("ascii")
    file = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    return Download(f"{file}-records.csv", len(content), uri if len(content) <= most else "")
