"""Bounds on the robust test error, and what it would take to lower them."""

import math
from typing import Any

import numpy as np
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, drawing, legend, to_svg
from hauberk.reports.tables import percent

COLUMNS = ("slack", "step", "margin_error", "complexity", "bound", "vacuous", "needed")
ALSO = ("parameters", "examples", "unseen", "unseen_error")
HEADING = ["slack", "uncertified at radius + slack", "complexity", "bound", "examples for a complexity of 0.1"]


def draw_robust_generalisation(study: StudyFile, name: str) -> Illustration:
    """Return the least bound against the number of examples, its terms for all slacks, and their meaning in words."""
    table = study.require(*COLUMNS, *ALSO)
    best = table.sort("bound").row(0, named=True)
    with drawing(4.8, 2.8) as (figure, axes):
        first, last = sorted((best["examples"], max(1, best["needed"])))
        counts = np.geomspace(max(1, first / 10), last * 10, 200)
        sizes = best["margin_error"] + best["complexity"] * np.sqrt(best["examples"] / counts)
        axes.plot(counts, sizes, color=COLOURS["certified"], label="bound, if margins stay as they are")
        axes.plot(best["examples"], best["bound"], "o", color=COLOURS["attacked"], label="examples at hand")
        axes.axhline(1, color=COLOURS["ink"], linewidth=0.7)
        axes.set(xscale="log", xlim=(counts[0], counts[-1]), ylim=(0, max(1.05, best["bound"] * 1.1)))
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_major_formatter(EngFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="training examples", ylabel="bound on the robust error")
        legend(axes, 2)
        words = f"it is {best['bound']:.3g}" + (", which is vacuous" if best["vacuous"] else "")
        svg = to_svg(figure, name, f"The bound against the number of training examples; with those at hand {words}.")
    rows = [
        [
            f"{row['slack']:g}", percent(row["margin_error"]), f"{row['complexity']:.4g}", f"{row['bound']:.4g}",
            f"{row['needed']:,}",
        ]
        for row in table.iter_rows(named=True)
    ]  # fmt: skip
    return Illustration(svg, " ".join(sentences(study, best)), [HEADING, *rows])


def sentences(study: StudyFile, best: dict[str, Any]) -> list[str]:
    """Return the caption: the meaning of the bound, or why it has none and what it would take."""
    share, examples = percent(best["margin_error"]), f"{best['examples']:,}"
    terms = (
        f"{share} of {examples} training examples have no certificate at the radius plus {best['slack']:g}, and the "
        f"complexity of {best['parameters']:,} parameters in {study.fact('tensors')} tensors, none above "
        f"{study.fact('largest')} in size, is {best['complexity']:.4g}"
    )
    if best["vacuous"]:
        said = [f"The bound is vacuous, as no share exceeds 1: {terms}; their sum is {best['bound']:.4g}."]
        said.append(f"Training examples thus prove nothing of errors on unseen inputs within {study.fact('threat')}.")
    else:
        said = [
            f"With a confidence of {study.fact('confidence')}, at most {percent(math.ceil(best['bound'] * 1e4) / 1e4)} "
            f"of unseen inputs have a misclassified point within {study.fact('threat')}: {terms}."
        ]
    if best["needed"] > best["examples"]:
        times = best["needed"] / best["examples"]
        factor = f"{times:,.0f}" if times >= 10 else f"{times:.2g}"
        few = max(1, math.floor(best["parameters"] / times))
        said.append(
            f"To bring the complexity down to 0.1 takes {best['needed']:,} examples, {factor} times as many, or "
            f"about {few:,} parameters instead of {best['parameters']:,}."
        )
    if best["vacuous"] and best["margin_error"] + 0.1 >= 1:
        said.append("No number of examples makes up for margins this small.")
    unseen = f"{percent(best['unseen_error'])} of the {best['unseen']:,} evaluated examples"
    return [*said, f"For comparison, {unseen} have no certificate at the radius itself."]
