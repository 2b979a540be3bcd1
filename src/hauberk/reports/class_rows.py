"""Accuracies by class of the label."""

from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.evaluation.records import outcomes
from hauberk.evaluation.statistics import interval
from hauberk.reports.accuracies import Share
from hauberk.reports.run_files import Run

MANY = 20
"""The largest number of classes whose rows are shown unfolded."""


@dataclass(frozen=True)
class ClassRow:
    """The accuracies on the examples of one class.

    Args:
        label: the class.
        name: its name; empty if that is not known, or says no more than the label.
        examples: number of examples.
        shares: the accuracies that were measured, by measure.
    """

    label: int
    name: str
    examples: int
    shares: dict[str, Share]


def class_rows(run: Run) -> list[ClassRow]:
    """Return a row for every class that has examples, in the order of labels."""
    records = run.records.select("label").with_columns(**outcomes(run.records))
    found = []
    for (label,), own in sorted(records.partition_by("label", as_dict=True).items()):
        examples = len(own)
        shares = {}
        for measure in run.summary.measures:
            count = int(own[measure].sum())
            shares[measure] = Share(count, count / examples, *interval(count, examples, run.summary.confidence))
        found.append(ClassRow(label, class_name(label, run.about.classes), examples, shares))
    return found


def class_name(label: int, names: Sequence[str]) -> str:
    """Return the name of a class; empty if it is not known, or says no more than the label."""
    name = names[label] if 0 <= label < len(names) else ""
    return "" if name == str(label) else name
