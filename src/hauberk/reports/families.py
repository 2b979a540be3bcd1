"""Runs that belong together: other weights of the same training."""

from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.evaluation.records import outcomes
from hauberk.evaluation.statistics import paired_interval
from hauberk.reports.run_files import Run


@dataclass(frozen=True)
class OtherWeights:
    """A run whose weights come from the training of another: "final" ones beside the best, say."""

    kept: Run
    other: Run
    name: str

    @property
    def same(self) -> bool:
        """Whether they are the very weights that were kept."""
        checksum = self.kept.about.weights_sha256
        return checksum is not None and checksum == self.other.about.weights_sha256


@dataclass(frozen=True)
class Difference:
    """By how much an accuracy of the kept weights exceeds that of others on the same examples."""

    measure: str
    kept: float
    other: float
    low: float
    high: float
    only_kept: int
    """How many examples count for the kept weights alone."""
    only_other: int

    @property
    def share(self) -> float:
        """The difference of the two accuracies."""
        return self.kept - self.other


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the runs' folders, after those of the folders around them where two would share one."""
    paths = [[part for part in run.folder.resolve().parts if part != "variants"] for run in runs]
    tails = [[path[-count:] for count in range(1, len(path) + 1)] for path in paths]
    chosen = [next((tail for tail in own if sum(tail in other for other in tails) == 1), own[0]) for own in tails]
    return ["/".join(tail) for tail in chosen]


def other_weights(runs: Sequence[Run]) -> list[OtherWeights]:
    """Return which runs hold other weights of which: the same recipe and no journal, in a folder made beside it."""
    return [
        OtherWeights(kept, other, name)
        for kept in runs
        for other in runs
        if other.training is None and kept.training is not None and other.recipe == kept.recipe
        if (name := place_beside(kept, other)) is not None
    ]


def place_beside(kept: Run, other: Run) -> str | None:
    """Return what a folder calls itself beside a run: variants/NAME, or RUN-NAME beside the variant RUN."""
    home, folder = kept.folder.resolve(), other.folder.resolve()
    if folder.parent == home / "variants":
        return folder.name
    beside = folder.parent == home.parent and home.parent.name == "variants"
    return folder.name.removeprefix(f"{home.name}-") if beside and folder.name.startswith(f"{home.name}-") else None


def differences(pair: OtherWeights) -> tuple[int, list[Difference]]:
    """Return how many test examples both runs were evaluated on, and the differences of the accuracies on them."""
    sides = [
        run.records.select("index", "label").with_columns(**outcomes(run.records)) for run in (pair.kept, pair.other)
    ]
    both = sides[0].join(sides[1], on=["index", "label"], suffix=" other")
    found = []
    for measure in pair.kept.summary.measures if len(both) else ():
        kept, other = both[measure], both[f"{measure} other"]
        only_kept, only_other = int((kept & ~other).sum()), int((other & ~kept).sum())
        interval = paired_interval(only_kept, only_other, len(both), pair.kept.summary.confidence)
        shares = float(kept.sum()) / len(both), float(other.sum()) / len(both)
        found.append(Difference(measure, *shares, *interval, only_kept, only_other))
    return len(both), found
