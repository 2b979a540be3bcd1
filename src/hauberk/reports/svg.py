"""Conversion of matplotlib figures to SVG that lives inside a page and follows its colours."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from hauberk.pixel_fractions import written

COLOURS = {
    "paper": "#ffffff",
    "ink": "#22272e",
    "rule": "#d5d9df",
    "clean": "#68717d",
    "attacked": "#d1670f",
    "certified": "#0068b3",
    "robust": "#007f73",
    "unstable": "#b4488c",
    "active": "#8fb8a8",
    "inactive": "#dfe3e8",
    "unproven": "#b5bcc6",
    "wrong": "#b3261e",
    "series-1": "#2c7c86",
    "series-2": "#a2559b",
    "series-3": "#b07d0c",
    "series-4": "#5a6ac0",
}
"""Colours by meaning, the same in every figure and table, told apart by every kind of colour vision."""

PERCENT = PercentFormatter(1, decimals=0, symbol=" %")
"""The labels of axes that show shares."""

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": COLOURS["ink"],
    "axes.linewidth": 0.7,
    "axes.labelcolor": COLOURS["ink"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.6,
    "text.color": COLOURS["ink"],
    "text.parse_math": False,  # names come from files: a $ is a $
    "xtick.color": COLOURS["ink"],
    "ytick.color": COLOURS["ink"],
    "xtick.major.width": 0.7,
    "ytick.major.size": 0,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "hauberk",  # the same run gives the same bytes
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure of this size in inches and its axes, in the style of the reports."""
    with panels(width, height, 1, 1) as (figure, (axes,)):
        yield figure, axes


@contextmanager
def panels(width: float, height: float, rows: int, columns: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure of this size in inches and its axes, row by row, in the style of the reports."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def end_of(text: str, most: int = 28) -> str:
    """Return a name, shortened to its end if it has more than `most` characters."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def legend(axes: Axes, columns: int = 3) -> None:
    """Place the legend above the axes, if there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.4, ncols=columns, borderpad=0)


def mark_radius(axes: Axes, eps: float) -> None:
    """Mark the threat's radius by a dashed line."""
    axes.axvline(eps, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        f"eps {written(eps)}", (eps, 0.02), xycoords=("data", "axes fraction"), xytext=(-4, 0),
        textcoords="offset points", ha="right", va="bottom",
    )  # fmt: skip


def to_svg(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as an <svg> element without background, to be placed in an HTML page.

    Colours become CSS variables of the page (`var(--clean)`), so that they follow its light and dark mode; text stays
    text, in the page's font; ids are prefixed by `name`, which must be unique on the page.

    Args:
        figure: drawn within `drawing` or `panels`.
        name: the prefix.
        label: text that a screen reader reads instead of the picture.
    """
    content = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    figure.savefig(content, format="svg", transparent=True, metadata=nothing)
    svg = content.getvalue()
    width, height = figure.get_size_inches() * 72  # SVG counts in points
    body = svg[svg.index("</defs>") + len("</defs>") :]  # before it is a style sheet that would rule the whole page
    body = re.sub(r'\sid="[a-zA-Z.]+_\d+"', "", body)
    body = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    body = re.sub(r"(?:'[^']*', )+sans-serif", "var(--sans)", body)
    body = re.sub(r'd="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]).replace("\n", ""), body)
    for meaning, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{meaning})")
    return Markup(f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">{body}')


def standalone(svg: Markup) -> str:
    """Return a figure as a standalone file, with the colours of the reports in light and dark mode."""
    sheet = files("hauberk.reports").joinpath("report.css").read_text(encoding="utf-8")
    colours = re.findall(r":root \{[^}]*--paper[^}]*\}", sheet)
    dark = f"@media (prefers-color-scheme: dark) {{ {colours[1]} }}"
    style = f"<style>{colours[0]} {dark} svg {{ background: var(--paper) }}</style>"
    return str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(">", f">{style}", 1) + "\n"
