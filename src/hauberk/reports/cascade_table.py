"""The errors of a cascade, as a table in a terminal."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hauberk.reports.accuracies import Share, sure
from hauberk.reports.tables import percent, percent_interval
from hauberk.reports.typed_json import parse


@dataclass(frozen=True)
class RuleErrors:
    """The errors of a cascade by one rule, and how often it abstains, over the same examples.

    Args:
        rule: its name.
        standard_error: examples with a wrong label.
        robust_error: examples not certified with the right label.
        abstained: examples on which the rule gives no label.

    Raises:
        ValueError: the counts contradict each other.
    """

    rule: str
    standard_error: Share
    robust_error: Share
    abstained: Share

    def __post_init__(self) -> None:
        if self.robust_error.count < max(self.standard_error.count, self.abstained.count):
            raise ValueError(
                f"{self.rule}: {self.standard_error.count} standard errors and {self.abstained.count} abstentions must "
                f"be among the robust errors, which are {self.robust_error.count}"
            )


@dataclass(frozen=True)
class CascadeSummary:
    """The content of a cascade's summary.json.

    Args:
        threat: its name.
        examples: number of test examples.
        stages: number of stages.
        confidence: the confidence of the intervals.
        certificate_confidence: the least probability with which a certificate is right.
        rules: the errors by each rule.
    """

    threat: str
    examples: int
    stages: int
    confidence: float
    certificate_confidence: float
    rules: list[RuleErrors]


def print_cascade(content: dict[str, Any], console: Console) -> None:
    """Print the errors with their exact intervals, from the content of a cascade's summary.json."""
    summary = parse(json.dumps(content), CascadeSummary, "the summary", "evaluate again")
    table = Table("answers by", caption=f"with exact {summary.confidence * 100:g} % intervals")
    for heading in ("standard error", "robust error", "abstained"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary.rules:
        shares = (row.standard_error, row.robust_error, row.abstained)
        cells = (f"{percent(one.share)}\n{percent_interval(one)}" for one in shares)
        table.add_row(row.rule, *cells)
    title = f"{summary.threat} | {summary.examples:,} examples | cascade of {summary.stages}"
    if summary.certificate_confidence < 1:
        title += f" | each proof right with a confidence of at least {sure(summary.certificate_confidence)}"
    console.print(Text(title), table, sep="\n")  # as Text, [ and ] in a name are not markup
