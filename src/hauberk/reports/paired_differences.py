"""Differences between the accuracies of two runs, example by example."""

from dataclasses import dataclass

from hauberk.evaluation.records import outcomes
from hauberk.evaluation.statistics import paired_interval
from hauberk.reports.run_files import Run


@dataclass(frozen=True)
class Difference:
    """The difference between an accuracy of two runs on the same examples, first minus second.

    Args:
        measure: the accuracy's name.
        first: the accuracy of the first run.
        second: the accuracy of the second run.
        low: lower end of the difference's interval.
        high: upper end of the difference's interval.
        only_first: number of examples that count for the first run alone.
        only_second: number of examples that count for the second run alone.
    """

    measure: str
    first: float
    second: float
    low: float
    high: float
    only_first: int
    only_second: int

    @property
    def share(self) -> float:
        """The difference of the two accuracies."""
        return self.first - self.second


def differences(first: Run, second: Run) -> tuple[int, list[Difference]]:
    """Return the number of test examples on which both runs were evaluated, and the differences in accuracy on them."""
    sides = [run.records.select("index", "label").with_columns(**outcomes(run.records)) for run in (first, second)]
    both = sides[0].join(sides[1], on=["index", "label"], suffix=" second")
    found = []
    measures = [measure for measure in first.summary.measures if measure in second.summary.measures]
    for measure in measures if len(both) else ():
        mine, others = both[measure], both[f"{measure} second"]
        only_first, only_second = int((mine & ~others).sum()), int((others & ~mine).sum())
        interval = paired_interval(only_first, only_second, len(both), first.summary.confidence)
        shares = float(mine.sum()) / len(both), float(others.sum()) / len(both)
        found.append(Difference(measure, *shares, *interval, only_first, only_second))
    return len(both), found
