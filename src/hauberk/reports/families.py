"""Runs that belong together: other weights of the same training run."""

from collections.abc import Sequence
from dataclasses import dataclass

from hauberk.reports.run_files import Run


@dataclass(frozen=True)
class OtherWeights:
    """A run whose weights come from the training of another, such as the "final" ones besides the best.

    Args:
        kept: the run with the weights that training kept.
        other: the run with the other weights.
        name: the other weights' name.
    """

    kept: Run
    other: Run
    name: str

    @property
    def subject(self) -> str:
        """The kind of subject that was judged."""
        return self.kept.summary.subject

    @property
    def alike(self) -> bool:
        """True if the same kind of subject was judged with both."""
        return self.subject == self.other.summary.subject

    @property
    def same(self) -> bool:
        """True if they equal the kept weights."""
        checksum = self.kept.about.weights_sha256
        return checksum is not None and checksum == self.other.about.weights_sha256


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the runs' folders, preceded by those of enclosing folders where two would be the same."""
    paths = [[part for part in run.folder.resolve().parts if part != "variants"] for run in runs]
    tails = [[path[-count:] for count in range(1, len(path) + 1)] for path in paths]
    chosen = [next((tail for tail in own if sum(tail in other for other in tails) == 1), own[0]) for own in tails]
    return ["/".join(tail) for tail in chosen]


def other_weights(runs: Sequence[Run]) -> list[OtherWeights]:
    """Return the pairs of a run and one with other weights: same recipe, no journal, and a folder next to it."""
    return [
        OtherWeights(kept, other, name)
        for kept in runs
        for other in runs
        if other.training is None and kept.training is not None and other.recipe == kept.recipe
        if (name := place_beside(kept, other)) is not None
    ]


def place_beside(kept: Run, other: Run) -> str | None:
    """Return the NAME of a run's companion folder: variants/NAME, or RUN-NAME next to the variant RUN; else None."""
    home, folder = kept.folder.resolve(), other.folder.resolve()
    if folder.parent == home / "variants":
        return folder.name
    beside = folder.parent == home.parent and home.parent.name == "variants"
    return folder.name.removeprefix(f"{home.name}-") if beside and folder.name.startswith(f"{home.name}-") else None
