"""What a report shows of a study."""

from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Illustration:
    """A figure, perhaps with a table below it, and the caption that says what is computed on which data."""

    figure: Markup | None
    caption: str
    table: list[list[str]] = field(default_factory=list)
    """The first row is the heading."""
    wide: bool = False
    """Whether the figure is drawn for the whole width of the page."""
