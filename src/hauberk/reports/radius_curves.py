"""Certified accuracy by radius, from the radii proven around each example."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from matplotlib.ticker import MaxNLocator

from hauberk.evaluation.records import attacked_radii, certified_radii
from hauberk.evaluation.statistics import interval
from hauberk.reports.accuracies import Share
from hauberk.reports.run_files import Run
from hauberk.reports.summary import Summary
from hauberk.reports.tables import percent, percent_interval

Floats = Float64[np.ndarray, "n"]


@dataclass(frozen=True)
class RadiusCurve:
    """The radii of a run's examples.

    Args:
        name: the run's name.
        things: what examples are called.
        summary: the run's summary.
        certified: the radius up to which each example is rightly classified and certified; 0 for none.
        attacked: the distance of each example's nearest misclassified point; None if no attack looked for it.
        whole: True if a verifier searched for the radius of every certified example.
    """

    name: str
    things: str
    summary: Summary
    certified: Floats
    attacked: Floats | None
    whole: bool

    @classmethod
    def of(cls, run: Run, name: str) -> "RadiusCurve | None":
        """Return the radii of a run; None if no verifier searched for any, or they have no norm of their own."""
        summary, records = run.summary, run.records
        if not records["radius"].count() or not summary.norm or not summary.share("certified"):
            return None
        attacked = attacked_radii(records) if summary.measured else None
        whole = not (records["certified_by"].is_not_null() & records["radius"].is_null()).any()
        return cls(name, run.about.inputs, summary, certified_radii(records), attacked, whole)

    @property
    def largest(self) -> float:
        """The end of the axis of radii, which leaves out outliers."""
        return max(float(np.quantile(self.certified, 0.995, method="higher")), self.summary.eps) or 1.0

    @property
    def allowed(self) -> int:
        """The number of wrong certificates that are allowed for."""
        return self.summary.statement.failures if self.summary.statement else 0

    def count(self, radius: float) -> int:
        """Return the number of examples that are certified at a radius."""
        return int(((self.certified >= radius) & (self.certified > 0)).sum())

    def share(self, radius: float) -> float:
        """Return the share of examples that are certified at a radius."""
        return self.count(radius) / self.summary.examples


def radius_table(curve: RadiusCurve) -> list[list[str]]:
    """Return the shares at a handful of round radii, with exact intervals; the first row is the heading."""
    summary = curve.summary
    between = f"exact {summary.confidence * 100:g} % interval"
    heading = ["radius", "certified", between]
    heading += [f"at least, with {summary.statement.sure}"] if summary.statement else []
    heading += ["attacked", between] if curve.attacked is not None else []
    rows = []
    for radius in round_radii(curve.largest):
        count = curve.count(radius)
        cells = [f"{radius:.6g}", *shared(count, summary)]
        cells += [percent(max(0, count - curve.allowed) / summary.examples)] if summary.statement else []
        cells += shared(int((curve.attacked > radius).sum()), summary) if curve.attacked is not None else []
        rows.append(cells)
    return [heading, *rows]


def round_radii(largest: float) -> list[float]:
    """Return up to nine round numbers from 0 to the largest radius."""
    ticks = MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]).tick_values(0, largest)
    return [radius for tick in ticks if 0 <= (radius := round(float(tick), 12)) <= largest]


def shared(count: int, summary: Summary) -> list[str]:
    """Return a count as a share, and its interval."""
    low, high = interval(count, summary.examples, summary.confidence)
    share = Share(count, count / summary.examples, low, high)
    return [percent(share.share), percent_interval(share)]
