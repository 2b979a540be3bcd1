"""Figures of a training run: accuracies, loss, radius and learning rate over the epochs."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hauberk.reports.svg import COLOURS, PERCENT, drawing, end_of, legend, panels, to_svg
from hauberk.reports.training import Row, Training

COLUMNS = 3
LABEL = {"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 1}
"""A box that keeps words legible where curves cross them."""


def draw_learning_curves(training: Training, keeps_best: bool, name: str) -> Markup:
    """Return accuracies against the epoch: on training batches, held-out examples, and under the detector's attack."""
    marks = training.marks(keeps_best)
    with drawing(8.4, 3.4) as (figure, axes):
        curves(axes, training)
        axes.set(xlabel="epoch", xlim=(0, training.last.epoch * 1.01), ylim=accuracy_range([training]))
        if len(marks) > 1:  # the last epoch alone needs no mark
            for height, (epoch, words) in enumerate(marks.items()):
                colour = COLOURS["wrong" if words == "collapse" else "ink"]
                right = epoch > training.last.epoch / 2
                axes.axvline(epoch, color=colour, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
                axes.annotate(
                    f"{words}: epoch {epoch:g}", (epoch, 0.02 + 0.08 * height), xycoords=("data", "axes fraction"),
                    xytext=(-4 if right else 4, 0), textcoords="offset points", color=colour,
                    ha="right" if right else "left", va="bottom", bbox=LABEL,
                )  # fmt: skip
        legend(axes)
        said = "; ".join(f"{words} at {epoch:g}" for epoch, words in marks.items())
        return to_svg(figure, name, f"Clean and robust accuracy against the epoch; {said or 'no epoch is marked'}.")


def draw_compared_trainings(trainings: Sequence[tuple[str, Training, bool]], name: str) -> Markup:
    """Return small figures of accuracies against the epoch, one per training run, on one scale.

    Args:
        trainings: triples of the run's name, its training, and True if it keeps the best weights.
        name: a prefix for the ids.
    """
    rows = ceil(len(trainings) / COLUMNS)
    with panels(8.4, 0.5 + 1.9 * rows, rows, COLUMNS) as (figure, panes):
        scale = accuracy_range([training for _, training, _ in trainings])
        for axes, (run, training, keeps_best) in zip(panes, trainings, strict=False):
            curves(axes, training)
            kept = training.best if keeps_best else training.final
            for row, colour in ((kept, "ink"), (training.collapse, "wrong")):
                if row is not None:
                    axes.axvline(row.epoch, color=COLOURS[colour], linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
            axes.set(title=end_of(run), xlim=(0, training.last.epoch * 1.02), ylim=scale)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        for axes in panes[len(trainings) :]:
            axes.remove()
        for axes in panes[max(0, len(trainings) - COLUMNS) : len(trainings)]:
            axes.set_xlabel("epoch")
        known = {label: line for axes in panes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        if known:
            figure.legend(known.values(), known.keys(), loc="outside upper left", ncols=3, borderpad=0)
        return to_svg(figure, name, f"Clean and robust accuracy against the epoch of {len(trainings)} training runs.")


def draw_course(training: Training, name: str) -> list[Markup]:
    """Return three small figures against the epoch: the loss, the training radius, and the learning rate."""
    values: dict[str, tuple[str, Callable[[Row], float | None]]] = {
        "loss": ("Training loss", lambda row: row.loss),
        "radius": ("Radius, as a share of the final one", lambda row: row.radius),
        "rate": ("Learning rate", lambda row: row.learning_rate),
    }
    drawn = []
    for key, (title, of) in values.items():
        with drawing(3.1, 2.3) as (figure, axes):
            line(axes, training.rows, of, color=COLOURS["ink"], linewidth=1)
            axes.set(title=title, xlabel="epoch", ylim=(0, None))
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.yaxis.set_major_formatter(PERCENT if key == "radius" else "{x:g}")
            end = of(training.last)
            said = "unknown" if end is None else f"{end:.3g}"
            drawn.append(to_svg(figure, f"{name}-{key}", f"{title} against the epoch, at the end {said}."))
    return drawn


def curves(axes: Axes, training: Training) -> None:
    """Draw all accuracies of a training run against the epoch."""
    fine, coarse = {"linewidth": 1, "alpha": 0.6}, {"marker": "o", "markersize": 3, "linewidth": 1.6}
    line(axes, training.rows, lambda row: row.clean, color=COLOURS["clean"], label="clean, training", **fine)
    line(axes, training.rows, lambda row: row.robust, color=COLOURS["robust"], label="robust, training", **fine)
    for measure in ("clean", "robust"):
        label = f"{measure}, validation"
        of = lambda row, measure=measure: getattr(row, f"validation_{measure}")  # noqa: E731
        line(axes, training.epochs, of, color=COLOURS[measure], label=label, **coarse)
        of = lambda row, measure=measure: getattr(row, f"test_{measure}")  # noqa: E731
        line(axes, training.epochs, of, color=COLOURS[measure], label=f"{measure}, test", linestyle="--", linewidth=1)
    style = {"color": COLOURS["wrong"], "linewidth": 1, "marker": "x", "markersize": 4, "linestyle": (0, (1, 2))}
    line(axes, training.epochs, lambda row: row.detector_robust, label="robust, detector", **style)
    axes.yaxis.set_major_formatter(PERCENT)


def accuracy_range(trainings: Sequence[Training]) -> tuple[float, float]:
    """Return the scale of accuracies without the first tenth of training, whose rise would flatten the rest."""
    shown = [f"{where}{measure}" for where in ("", "validation_", "test_") for measure in ("clean", "robust")]
    values = [
        value
        for training in trainings
        for row in [*training.rows, *training.epochs]
        if row.epoch > training.last.epoch / 10
        for value in (row.detector_robust, *(getattr(row, name) for name in shown))
        if value is not None
    ]
    bottom = min(0.9, np.floor(min(values, default=0.0) * 10) / 10)
    return bottom, 1 + (1 - bottom) * 0.02


def line(axes: Axes, rows: Sequence[Row], of: Callable[[Row], float | None], **style: Any) -> None:
    """Draw one value against the epoch, for every row that has it."""
    points = [(row.epoch, value) for row in rows if (value := of(row)) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), **style)
