"""The files of a sweep's points, and the points on the front."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hauberk.reports.accuracies import Share
from hauberk.reports.summary import Summary
from hauberk.reports.training import read_training
from hauberk.reports.typed_json import parse, read_text

VALIDATION = "validation"
"""The folder inside a point's that holds its evaluation on held-out examples."""
FAILURE = "failure.txt"
"""The file in a point's folder that says why its training failed."""
RESUME = "run `hauberk sweep` again with --resume."


def point_folder(folder: Path, number: int) -> Path:
    """Return the folder of a sweep's point; the first one is number 1."""
    return folder / "points" / f"{number:03d}"


@dataclass(frozen=True)
class Point:
    """A point of a sweep, with its results.

    Args:
        number: its number, from 1.
        folder: its folder.
        changes: the values of the swept keys.
        summary: the summary of its evaluation on held-out examples; None if training failed.
        seconds: the time of training; None if it failed before the first line of its journal.
        failure: the reason why training failed; None if it did not.
    """

    number: int
    folder: Path
    changes: dict[str, Any]
    summary: Summary | None
    seconds: float | None
    failure: str | None

    def share(self, measure: str) -> Share | None:
        """Return an accuracy; None if it was not measured, or training failed."""
        return None if self.summary is None else self.summary.share(measure)


@dataclass(frozen=True)
class Search:
    """A finished sweep.

    Args:
        folder: its folder.
        points: its points, by number.
    """

    folder: Path
    points: list[Point]

    @property
    def keys(self) -> list[str]:
        """The keys that were swept."""
        return list(self.points[0].changes)

    @property
    def judged(self) -> list[tuple[Point, Summary]]:
        """The points whose training did not fail."""
        return [(point, point.summary) for point in self.points if point.summary is not None]

    @property
    def measure(self) -> str:
        """The accuracy traded against the clean one: certified, or attacked if no proof was tried."""
        tried = any("certified" in summary.measures for _, summary in self.judged)
        return "certified" if tried else "attacked"

    @property
    def placed(self) -> list[tuple[Point, Share, Share]]:
        """The points for which both accuracies are known that are traded against each other, and these."""
        shares = [(point, summary.clean, summary.share(self.measure)) for point, summary in self.judged]
        return [(point, clean, robust) for point, clean, robust in shares if robust is not None]

    @property
    def front(self) -> list[Point]:
        """The points that no other beats in one accuracy without being worse in the other, by clean accuracy."""
        places = [(clean.count, robust.count) for _, clean, robust in self.placed]
        found = [
            (clean, point.number, point)
            for (point, *_), (clean, robust) in zip(self.placed, places, strict=True)
            if not any(x >= clean and y >= robust and (x, y) != (clean, robust) for x, y in places)
        ]
        return [point for _, _, point in sorted(found, key=lambda entry: entry[:2])]


def read_search(folder: Path, points: list[dict[str, Any]]) -> Search:
    """Return a sweep with these points from its files.

    Raises:
        InputError: a file is missing or corrupt; the message names it and what to do.
    """
    return Search(folder, [read_point(folder, number, changes) for number, changes in enumerate(points, start=1)])


def read_point(folder: Path, number: int, changes: dict[str, Any]) -> Point:
    """Return a point from its files."""
    place = point_folder(folder, number)
    training, failed = read_training(place / "train.jsonl"), place / FAILURE
    seconds = training.last.seconds if training else None
    if failed.exists():
        return Point(number, place, changes, None, seconds, read_text(failed, RESUME))
    file = place / VALIDATION / "summary.json"
    return Point(number, place, changes, parse(read_text(file, RESUME), Summary, str(file), RESUME), seconds, None)
