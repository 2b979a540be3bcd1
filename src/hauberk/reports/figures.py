"""The figures of a report, as inline SVG."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from hauberk.evaluation.records import distance_column
from hauberk.reports.run_files import Layer
from hauberk.reports.summary import Summary
from hauberk.reports.svg import COLOURS, PERCENT, drawing, end_of, legend, mark_radius, to_svg


def draw_curves(summary: Summary, name: str) -> Markup:
    """Return clean, attacked and certified accuracy against the radius, with their intervals as bands.

    Those that were not measured are left out.
    """
    farthest, least, last = max(point.eps for point in summary.curve), 1.0, []
    with drawing(8.4, 3.3) as (figure, axes):
        for measure, marker in zip(("clean", "attacked", "certified"), "s^o", strict=True):
            known = [(point.eps, share) for point in summary.curve if (share := getattr(point, measure)) is not None]
            if not known:
                continue
            colour, radii, shares = COLOURS[measure], [eps for eps, _ in known], [share for _, share in known]
            low, high = [share.low for share in shares], [share.high for share in shares]
            axes.fill_between(radii, low, high, color=colour, alpha=0.16, linewidth=0)
            axes.plot(radii, [share.share for share in shares], color=colour, marker=marker, label=measure)
            least = min(least, *low)
            last.append(f"{measure} {shares[-1].share:.1%}")
        bottom = max(0.0, np.floor(least * 20 - 0.2) / 20)  # the scale starts at a multiple of 5 %, a little below
        right = max(farthest, summary.eps) * 1.04
        axes.set(xlabel="radius eps", xlim=(0, right), ylim=(bottom, 1 + (1 - bottom) * 0.02))
        mark_radius(axes, summary.eps)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter(PERCENT)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        legend(axes)
        return to_svg(figure, name, f"Accuracy against the radius: at eps {farthest:g}, {', '.join(last)}.")


def attack_distances(summary: Summary, records: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the distances of misclassified points for each attack tried on every correct example, and for all attacks.

    The last are the least distances over all attacks, left out if they would repeat the only other ones. The result is
    empty if every attack looked for any member of the set: such attacks stop near its radius, whatever the network.
    """
    if not summary.measured:
        return {}
    tried = [attack.name for attack in summary.attackers if attack.alone is not None and attack.found]
    found = {name: records[column].drop_nulls() for name in tried if (column := distance_column(name)) in records}
    everything = records["distance"].drop_nulls()
    if len(everything) and (len(summary.attackers) > 1 or not found):
        found["all attacks"] = everything
    return {name: distances.sort() for name, distances in found.items()}


def draw_distances(summary: Summary, distances: Mapping[str, pl.Series], name: str) -> Markup:
    """Return one step curve per attack: correctly classified examples without a nearer misclassified point."""
    correct = summary.clean.count
    farthest = max(float(series.quantile(0.99, "higher") or 0) for series in distances.values())
    right = max(farthest, summary.eps) * 1.04
    with drawing(8.4, 3.3) as (figure, axes):
        lines = [(COLOURS[f"series-{number}"], style) for style in ("-", (0, (5, 2))) for number in range(1, 5)]
        for number, (attack, series) in enumerate(distances.items()):
            colour, style = lines[number % len(lines)]
            last = attack == "all attacks" and number == len(distances) - 1
            axes.step(
                [0, *series, max(right, float(series.max()))],  # pyright: ignore[reportArgumentType]
                [1 - count / correct for count in [0, *range(1, len(series) + 1), len(series)]],
                where="post",
                color=COLOURS["attacked"] if last else colour,
                linestyle="-" if last else style,
                linewidth=4 if last else 1.3,
                alpha=0.4 if last else 1,
                zorder=1.5 if last else 2,  # below the curves that it follows
                label=attack if len(attack) <= 32 else f"{attack[:31]}…",
            )
        axes.set(xlabel="distance of the nearest misclassified point found", xlim=(0, right), ylim=(0, 1.02))
        mark_radius(axes, summary.eps)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter(PERCENT)
        legend(axes)
        medians = "; ".join(f"{attack} found {len(series)}" for attack, series in distances.items())
        return to_svg(
            figure, name,
            f"Share of {correct} correctly classified examples still unbroken against the distance: {medians} wrong "
            "points.",
        )  # fmt: skip


def draw_layers(layers: Sequence[Layer], name: str) -> Markup:
    """Return the shares of unstable, active and inactive neurons, one bar per layer."""
    with drawing(4.8, 1.0 + 0.26 * len(layers)) as (figure, axes):
        left = np.zeros(len(layers))
        for state in ("unstable", "active", "inactive"):
            widths = np.array([getattr(layer, state) for layer in layers])
            axes.barh(range(len(layers)), widths, left=left, height=0.68, color=COLOURS[state], label=state)
            left += widths
        axes.set_yticks(range(len(layers)), [end_of(layer.name, 24) for layer in layers])
        for row, layer in enumerate(layers):
            axes.annotate(f"{layer.neurons:,}", (1.02, row), va="center", annotation_clip=False)
        axes.set(xlim=(0, 1), ylim=(len(layers) - 0.4, -0.6))
        axes.xaxis.set_major_formatter(PERCENT)
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        legend(axes)
        worst = max(layers, key=lambda layer: layer.unstable)
        return to_svg(
            figure, name,
            f"Shares of unstable, active and inactive neurons in {len(layers)} layers; layer {worst.name} has the most "
            f"unstable ones, {worst.unstable:.1%}.",
        )  # fmt: skip


def central_range(bounds: pl.Series) -> tuple[float, float]:
    """Return the range that a histogram of bounds shows: all but the outermost half percent on either side."""
    return float(bounds.quantile(0.005, "lower") or 0), float(bounds.quantile(0.995, "higher") or 0)


def draw_bounds(bounds: pl.Series, name: str, things: str = "images", what: str = "margin") -> Markup:
    """Return the histogram of the proven lower bounds of the margin, with those above zero in the colour of proof."""
    low, high = central_range(bounds)
    width = max((max(high, 0) - min(low, 0)) / 48, 1e-6)
    edges = np.arange(np.floor(min(low, 0) / width), np.ceil(max(high, 0) / width) + 1) * width  # zero is an edge
    counts, _ = np.histogram(bounds.filter(bounds.is_between(low, high)).to_numpy(), edges)
    with drawing(4.8, 2.6) as (figure, axes):
        proven = edges[:-1] >= 0
        for mask, colour, label in [(~proven, "unproven", "not proven"), (proven, "certified", "proven")]:
            if counts[mask].any():
                axes.bar(edges[:-1][mask], counts[mask], width * 0.9, align="edge", color=COLOURS[colour], label=label)
        axes.axvline(0, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set(xlabel=f"proven lower bound of the {what}", ylabel=things)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        legend(axes)
        above = int((bounds > 0).sum())
        return to_svg(
            figure,
            name,
            f"Histogram of the proven lower bounds of the {what}: {above} of {len(bounds)} lie above zero.",
        )
