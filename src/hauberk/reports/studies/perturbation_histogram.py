"""Histograms of an attack's changes, for several runs on one scale."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.patches import Patch

from hauberk.reports.studies.illustration import Illustration
from hauberk.reports.study_files import StudyFile
from hauberk.reports.svg import COLOURS, PERCENT, end_of, panels, to_svg
from hauberk.reports.tables import percent

COLUMNS = 3
FACTS = ("examples", "attack", "threat")
COLOUR = {"free": "attacked", "pinned": "unproven"}
WORDS = {"free": "free", "pinned": "pinned by the valid range"}


def draw_perturbation_histograms(studies: Sequence[tuple[str, StudyFile]], name: str) -> Illustration:
    """Return histograms of the sizes of changes, one panel per run, with those pinned by the valid range on top."""
    tables = [study.require("low", "high", "free", "pinned") for _, study in studies]
    counts = [table.select("free", "pinned").to_numpy() for table in tables]
    shares = [count / max(1, count.sum()) for count in counts]
    ends = [(count[0, 0] + count[-1, 0]) / max(1, count[:, 0].sum()) for count in counts]
    columns, rows = min(COLUMNS, len(studies)), ceil(len(studies) / COLUMNS)
    with panels(4.8 if columns == 1 else 8.4, 0.8 + 1.9 * rows, rows, columns) as (figure, panes):
        for axes, (run, _), table, share in zip(panes, studies, tables, shares, strict=False):
            bottom = np.zeros(len(table))
            for colour, heights in zip(COLOUR.values(), share.T, strict=True):
                widths = table["high"] - table["low"]
                axes.bar(table["low"], heights, widths, bottom, align="edge", color=COLOURS[colour])
                bottom += heights
            axes.set(title=end_of(run), xlim=(-1.02, 1.02))
            axes.set_ylim(0, max(share.sum(1).max() for share in shares) * 1.05)
            axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−eps", "", "0", "", "eps"])
            axes.yaxis.set_major_formatter(PERCENT)
        for axes in panes[len(studies) :]:
            axes.remove()
        handles = [Patch(color=COLOURS[COLOUR[kind]], label=WORDS[kind]) for kind in COLOUR]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, borderpad=0)
        found = ", ".join(f"{run} {end:.0%}" for (run, _), end in zip(studies, ends, strict=True))
        svg = to_svg(figure, name, f"Histograms of changes as shares of eps; free ones at the radius: {found}.")
    asked = [", ".join(dict.fromkeys(study.fact(name) for _, study in studies)) for name in FACTS]
    caption = (
        "How the changes of single values spread between minus and plus eps, in shares of all values of the first {} "
        "test examples, attacked by {} within {}. Pinned: the border of the range of valid inputs, nearer than eps, "
        "stopped the change there. At ±eps: within {:.2g} % of it. Against a healthy network most free changes of an "
        "l_inf attack lie there; after catastrophic overfitting, where the loss bends within the set, many stay in "
        "between."
    )
    heading = ["run", "withstood", "free changes at ±eps", "pinned changes"]
    lines = [
        [run, study.fact("withstood"), percent(end, 1), percent(share[:, 1].sum(), 1)]
        for (run, study), end, share in zip(studies, ends, shares, strict=True)
    ]
    several = len(studies) > 1  # a single run needs no name
    lines = [line if several else line[1:] for line in [heading, *lines]]
    caption = caption.format(*asked, 100 * (1 - tables[0]["low"][-1]))
    return Illustration(svg, caption, lines, wide=several)
