"""The front of a sweep: clean against certified or attacked accuracy, on held-out examples."""

from markupsafe import Markup
from matplotlib.ticker import PercentFormatter

from hauberk.reports.search_files import Point, Search
from hauberk.reports.svg import COLOURS, drawing, legend, to_svg


def draw_front(search: Search, name: str) -> Markup:
    """Return the points of a sweep by their two accuracies, with exact intervals, and the staircase of the front.

    Args:
        search: a sweep with a point on its front.
        name: a prefix for the ids.
    """
    colour, front = COLOURS[search.measure], search.front
    places: dict[tuple[float, float], list[Point]] = {}
    with drawing(8.4, 4.6) as (figure, axes):
        for point, x, y in search.placed:
            places.setdefault((x.share, y.share), []).append(point)
            around = [[[share.share - share.low], [share.high - share.share]] for share in (x, y)]
            axes.errorbar(x.share, y.share, around[1], around[0], color=COLOURS["unproven"], elinewidth=0.9, zorder=1)
        for (x, y), points in places.items():
            filled = colour if points[0] in front else COLOURS["paper"]
            axes.plot(x, y, "o", markersize=7, color=colour, markerfacecolor=filled, zorder=3)
            numbers = ", ".join(str(point.number) for point in points)
            axes.annotate(numbers, (x, y), (5, 5), textcoords="offset points", zorder=4)
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        xs, ys = zip(*sorted(place for place, points in places.items() if points[0] in front), strict=True)
        axes.step([left, *xs, xs[-1]], [ys[0], *ys, bottom], where="pre", color=colour, linewidth=1.3, zorder=2)
        axes.plot([], [], "o-", markersize=7, color=colour, label="on the front")
        axes.plot([], [], "o", markersize=7, color=colour, markerfacecolor=COLOURS["paper"], label="others")
        axes.set(xlabel="clean", ylabel=search.measure, xlim=(left, right), ylim=(bottom, top))
        for axis in (axes.xaxis, axes.yaxis):  # with as many decimals as its own scale needs
            axis.set_major_formatter(PercentFormatter(1, decimals=None, symbol=" %"))
        legend(axes)
        said = ", ".join(f"{point.number}" for point in front)
        return to_svg(
            figure, name, f"{search.measure} against clean accuracy of {len(search.placed)} points; front: {said}."
        )
