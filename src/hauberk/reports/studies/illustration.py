"""The illustration of a study in a report."""

from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Illustration:
    """A figure, possibly with a table below it, and a caption.

    Args:
        figure: the figure, if there is one.
        caption: a text that says what is computed on which data.
        table: rows of cells; the first is the heading.
        wide: True if the figure is drawn for the whole width of the page.
    """

    figure: Markup | None
    caption: str
    table: list[list[str]] = field(default_factory=list)
    wide: bool = False
