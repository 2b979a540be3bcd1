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
    """Return the names of runs, each followed by that of its evaluation, if it has one."""
    return [": ".join(filter(None, (name, run.evaluation))) for name, run in zip(run_names(runs), runs, strict=True)]


def run_names(runs: Sequence[Run]) -> list[str]:
    """Return the names of the runs' folders, preceded by those of enclosing folders where two would be the same."""
    folders = list(dict.fromkeys(run.home.resolve() for run in runs))
    paths = [[part for part in folder.parts if part != "variants"] for folder in folders]
    tails = [[path[-count:] for count in range(1, len(path) + 1)] for path in paths]
    chosen = [next((tail for tail in own if sum(tail in other for other in tails) == 1), own[0]) for own in tails]
    names = dict(zip(folders, map("/".join, chosen), strict=True))
    return [shown(names[run.home.resolve()]) for run in runs]


def shown(name: str) -> str:
    """Return a name with escapes in place of what no terminal shows as it is, and of bytes that are no text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


def first_evaluations(runs: Sequence[Run]) -> list[Run]:
    """Return each run once, with the first of its evaluations."""
    return list({run.home: run for run in reversed(runs)}.values())[::-1]


def compares(runs: Sequence[Run]) -> str:
    """Return what a page about several runs or evaluations compares, in words."""
    count = len(first_evaluations(runs))
    of = "" if count == 1 else f" of {count} runs"
    return f"{count} runs compared" if count == len(runs) else f"{len(runs)} evaluations{of} compared"


def other_weights(runs: Sequence[Run]) -> list[OtherWeights]:
    """Return the pairs of a run and one with other weights: same recipe, no journal, and a folder next to it."""
    return [
        OtherWeights(kept, other, name)
        for kept in runs
        for other in runs
        if other.training is None and kept.training is not None and other.recipe == kept.recipe
        if other.evaluation == kept.evaluation
        if (name := place_beside(kept, other)) is not None
    ]


def place_beside(kept: Run, other: Run) -> str | None:
    """Return the NAME of a run's companion folder: variants/NAME, or RUN-NAME next to the variant RUN; else None."""
    home, folder = kept.home.resolve(), other.home.resolve()
    if folder.parent == home / "variants":
        return folder.name
    beside = folder.parent == home.parent and home.parent.name == "variants"
    return folder.name.removeprefix(f"{home.name}-") if beside and folder.name.startswith(f"{home.name}-") else None
