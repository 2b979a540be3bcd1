"""Accuracies of runs as a LaTeX table."""

from collections.abc import Sequence

from hauberk.reports.accuracies import Share
from hauberk.reports.families import distinct_names
from hauberk.reports.run_files import Run
from hauberk.reports.tables import percent, percent_interval

MEASURES = ("clean", "attacked", "certified")
ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "{}$&#%_"},
    **{character: f"{{{character}}}" for character in "[]*"},  # after a row's end these would be an argument of it
}
"""The stand-ins of characters that mean something to LaTeX."""


def latex_table(runs: Sequence[Run]) -> str:
    """Return a table in the style of the package booktabs, a row for each run and evaluation.

    Shares are in percent, with their exact intervals; a dash stands for what was not measured.
    """
    sure = sorted({run.summary.confidence for run in runs})
    rows = [
        " & ".join(
            [
                escaped(name),
                escaped(run.summary.threat),
                f"{run.summary.examples:,}",
                *(cell(run.summary.share(measure)) for measure in MEASURES),
            ]
        )
        for name, run in zip(distinct_names(runs), runs, strict=True)
    ]
    lines = [
        r"% needs \usepackage{booktabs}; percent of the test examples, in brackets exact intervals with a confidence",
        f"% of {', '.join(f'{one * 100:g} percent' for one in sure)}",
        r"\begin{tabular}{llrrrr}",
        r"\toprule",
        r"Run & Threat & Examples & Clean & Attacked & Certified \\",
        r"\midrule",
        *(rf"{row} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def cell(share: Share | None) -> str:
    """Return a share and its interval."""
    if share is None:
        return "--"
    low, high = percent_interval(share).removesuffix(" %").split(" \N{EN DASH} ")
    return rf"{percent(share.share).removesuffix(' %')} {{\footnotesize [{low}, {high}]}}"


def escaped(text: str) -> str:
    """Return text that LaTeX shows as it is, on one line."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "".join(ESCAPES.get(character, character) for character in words)
