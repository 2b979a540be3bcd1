"""Figures of benchmark results, from their tables."""

from collections.abc import Callable

import numpy as np
import polars as pl
from markupsafe import Markup
from matplotlib.ticker import EngFormatter

from hauberk.errors import InputError
from hauberk.reports.svg import COLOURS, legend, panels, to_svg

SERIES = ["series-1", "series-2", "series-3", "series-4", "certified", "attacked", "clean"]
MARKERS = "o^sDvPX"
LARGEST = 5
"""The number of networks, the largest ones, to which a slope is fitted."""
SCALES = [("seconds", "s", "Time of a step"), ("bytes", "B", "Memory of a step")]


def draw_duality_gap(table: pl.DataFrame, name: str = "duality-gap") -> Markup:
    """Return the dual bound against the optimum of the linear program it bounds, one panel per network.

    Columns: lp, dual: lower bounds of the same margin; network: its name. Points on the line are tight.
    """
    require(table, "lp", "dual", "network")
    parts = table.partition_by("network", maintain_order=True)
    with panels(2.9 * len(parts) + 0.3, 3.0, 1, len(parts)) as (figure, panes):
        for axes, part in zip(panes, parts, strict=True):
            values = part.select("lp", "dual").to_numpy()
            low, high = values.min(), values.max()
            reach = (high - low) * 0.05 or 1.0
            ends = [low - reach, high + reach]
            axes.plot(ends, ends, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
            axes.plot(
                part["lp"],
                part["dual"],
                linestyle="none",
                marker="o",
                markersize=3,
                alpha=0.5,
                color=COLOURS["certified"],
            )
            axes.set(
                xlim=ends, ylim=ends, aspect="equal", title=part["network"][0], xlabel="optimum of the linear program"
            )
        panes[0].set_ylabel("dual bound")
        gaps = ", ".join(f"{part['network'][0]} {(part['lp'] - part['dual']).mean():.3g}" for part in parts)
        return to_svg(figure, name, f"Dual bounds against optima of linear programs; the mean gaps are: {gaps}.")


def draw_relative_errors(table: pl.DataFrame, name: str = "relative-errors") -> Markup:
    """Return histograms of the relative error of an estimator, one per number r of projections.

    Columns: r; relative_error: (estimate - truth) / truth.
    """
    require(table, "r", "relative_error")
    parts = table.sort("r").partition_by("r", maintain_order=True)
    low, high = (float(table["relative_error"].quantile(q) or 0) for q in (0.005, 0.995))
    edges = np.linspace(low, high, 61)
    with panels(5.6, 3.0, 1, 1) as (figure, (axes,)):
        for part, colour in zip(parts, SERIES, strict=False):
            density, _ = np.histogram(part["relative_error"], edges)
            density = density / (len(part) * np.diff(edges))
            axes.fill_between(edges[:-1], density, step="post", color=COLOURS[colour], alpha=0.18, linewidth=0)
            axes.step(edges[:-1], density, where="post", color=COLOURS[colour], label=f"r = {part['r'][0]}")
        axes.axvline(0, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set(xlabel="relative error of the estimate", ylabel="density", ylim=(0, None), xlim=(low, high))
        legend(axes, 4)
        spreads = ", ".join(f"{part['relative_error'].std():.2g} at r = {part['r'][0]}" for part in parts)
        return to_svg(figure, name, f"Histograms of the relative error; the standard deviations are {spreads}.")


def draw_error_against_projections(table: pl.DataFrame, name: str = "error-against-r") -> Markup:
    """Return errors against the number r of projections used in training.

    Columns: r; robust_error: a share of the test examples; optionally standard_error, likewise. An r of 0 stands for
    the exact bound, drawn as horizontal lines.
    """
    require(table, "r", "robust_error")
    measures = {"robust_error": "certified", "standard_error": "clean"}
    with panels(5.6, 3.0, 1, 1) as (figure, (axes,)):
        for (column, colour), marker in zip(measures.items(), "os", strict=True):
            if column in table.columns:
                own = table.filter(pl.col("r") > 0).sort("r")
                axes.plot(own["r"], own[column], color=COLOURS[colour], marker=marker, label=column.replace("_", " "))
                for exact in table.filter(pl.col("r") == 0)[column]:
                    axes.axhline(exact, color=COLOURS[colour], linewidth=1, linestyle=(0, (4, 3)))
        if (table["r"] == 0).any():
            axes.plot([], [], color=COLOURS["ink"], linewidth=1, linestyle=(0, (4, 3)), label="with the exact bound")
        values = sorted(set(table.filter(pl.col("r") > 0)["r"]))
        axes.set_xscale("log")
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
        axes.set(xlabel="projections r", ylabel="error", ylim=(0, None))
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        legend(axes, 4)
        return to_svg(figure, name, "Robust and standard error against the number of projections in training.")


def draw_scaling(table: pl.DataFrame, name: str = "scaling") -> Markup:
    """Return time and memory against the number of hidden units, both axes logarithmic, with fitted slopes.

    Columns: hidden_units; method: its name; seconds and bytes of one step. Linear growth has the slope 1, quadratic 2;
    it is fitted to the largest networks, since fixed costs hide it in small ones.
    """
    require(table, "hidden_units", "method", "seconds", "bytes")
    parts = table.sort("hidden_units").partition_by("method", maintain_order=True)
    slopes = []
    with panels(8.4, 3.4, 1, 2) as (figure, panes):
        for axes, (column, unit, title) in zip(panes, SCALES, strict=True):
            for part, colour, marker in zip(parts, SERIES, MARKERS, strict=False):
                units, values, method = part["hidden_units"].to_numpy(), part[column].to_numpy(), part["method"][0]
                label = method
                axes.plot(units, values, linestyle="none", marker=marker, color=COLOURS[colour])
                if len(set(units)) > 1:
                    large = units[-LARGEST:]
                    slope, level = np.polyfit(np.log(large), np.log(values[-LARGEST:]), 1)
                    ends = np.array([large.min(), large.max()])
                    axes.plot(ends, np.exp(level) * ends**slope, color=COLOURS[colour], linewidth=1)
                    label = f"{method}, slope {slope:.2f}"
                    slopes.append(f"{column} of {label}")
                axes.plot([], [], marker=marker, color=COLOURS[colour], linewidth=1, label=label)
            axes.set(xscale="log", yscale="log", xlabel="hidden units", title=title)
            low, high = axes.get_ylim()
            axes.set_ylim(low, high * (high / low) ** (0.13 * len(parts)))  # room for the legend
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.yaxis.set_major_formatter(EngFormatter(unit))
            axes.minorticks_off()
            axes.legend(loc="upper left")
        return to_svg(figure, name, f"Time and memory against hidden units: {'; '.join(slopes)}.")


def require(table: pl.DataFrame, *columns: str) -> None:
    """Raise unless a table has these columns and at least one row.

    Raises:
        InputError: the message names the required columns and those of the table.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing or not len(table):
        raise InputError(f"the table needs rows with the columns {', '.join(columns)}, but has {table.columns}.")


FIGURES: dict[str, Callable[[pl.DataFrame], Markup]] = {
    "duality-gap": draw_duality_gap,
    "relative-errors": draw_relative_errors,
    "error-against-r": draw_error_against_projections,
    "scaling": draw_scaling,
}
"""Figures by the names that `benchmarks/plots.py` takes."""
