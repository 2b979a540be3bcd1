"""Stages of work on examples that take turns until the time is up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import torch
from jaxtyping import Int
from torch import Tensor

from hauberk.errors import OutOfTimeError
from hauberk.kernels.deadline import deadline

STRIDE = 2.0
"""The seconds that the examples worked on at once may take, so that progress is seen and little is lost."""
MOST = 256
"""Largest number of examples worked on at once."""
HOPELESS = 2.0
"""A stage is left out whose first example is expected to take this many times all that is left of the time."""


@dataclass
class Stage:
    """A stage of work on examples.

    Args:
        name: what it is called.
        open: returns the positions of the examples that are undecided.
        work: works on some of them, each of which it sees once; returns False if it turns out not to apply to any.
        rows: the number of rows that it pushes through the network for one of them; 0 if that is no measure.
        each: the seconds that an example takes, as far as is known.
        most: the largest number of examples worked on at once.
        begun: True once it has worked on an example.
        applies: False once it turned out not to apply.
        tried: the positions of the examples that it has worked on.
    """

    name: str
    open: Callable[[], Int[Tensor, "s"]]
    work: Callable[[Int[Tensor, "s"]], bool]
    rows: float = 0.0
    each: float | None = None
    most: int = MOST
    begun: bool = False
    applies: bool = True
    tried: Int[Tensor, "t"] = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))

    def left(self) -> Int[Tensor, "s"]:
        """Return the positions of the undecided examples that it has not worked on."""
        found = self.open()
        return found[~torch.isin(found, self.tried.to(found.device))] if self.applies else found[:0]

    def go_on(self, part: Int[Tensor, "s"]) -> None:
        """Work on some examples, which then are no longer left."""
        self.applies = self.work(part)
        self.begun, self.tried = True, torch.cat([self.tried, part.cpu()])


Watcher = Callable[[Stage], None]
"""Called with a stage when it begins, and whenever it has worked on a few examples."""


def take_turns(stages: Sequence[Stage], seconds: float, watch: Watcher = lambda stage: None) -> list[Stage]:
    """Let stages work in turn for so many seconds, and return those that are not through with what is left to them.

    Each gets an equal share of the time that is left when its turn comes, so that the others have what one leaves.
    Those that are cut short come again in the next round, cheapest first. Of stages that push rows through the network
    the cost is foreseen from those before them: what would not finish one example is not begun.
    """
    end, per_row, unfinished = monotonic() + seconds, 0.0, []
    waiting = list(stages)
    while waiting:
        cut = []
        for place, stage in enumerate(waiting):
            room = end - monotonic()
            if room <= 0 or hopeless(stage, per_row, room):
                unfinished.append(stage)
            elif not finished(stage, room / (len(waiting) - place), watch):
                cut.append(stage)
            if stage.each and stage.rows:
                per_row = stage.each / stage.rows
        waiting = sorted(cut, key=lambda stage: stage.each or 0.0)
    return [stage for stage in unfinished if len(stage.left())]


def hopeless(stage: Stage, per_row: float, room: float) -> bool:
    """Return whether a stage of which nothing is known yet will not finish an example, and say what one would take."""
    if stage.each is not None or not per_row or not len(stage.left()):
        return False
    foreseen = stage.rows * per_row
    if foreseen <= HOPELESS * room:
        return False
    stage.each = foreseen
    return True


def finished(stage: Stage, seconds: float, watch: Watcher) -> bool:
    """Work on what is left to a stage for so many seconds; return whether nothing is left.

    It begins with one example, and takes more at once as long as they take less than `STRIDE` seconds.
    """
    end, size = monotonic() + seconds, 1
    watch(stage)
    while len(left := stage.left()):
        if (room := end - monotonic()) <= 0:
            return False
        part, began = left[: min(size, stage.most)], monotonic()
        try:
            with deadline(room):
                stage.go_on(part)
        except OutOfTimeError:
            stage.each = max(stage.each or 0.0, (monotonic() - began) / len(part))
            return False
        except torch.OutOfMemoryError:
            if len(part) == 1:
                raise
            stage.most = len(part) // 2
            continue
        took = monotonic() - began
        stage.each = took / len(part)
        size = next_size(len(part), took, end - monotonic())
        watch(stage)
    return True


def next_size(size: int, took: float, room: float) -> int:
    """Return how many examples to work on next: more while a call is short, and no more than there is time for."""
    grown = 4 * size if 4 * took < STRIDE else 2 * size if took < STRIDE else int(size * STRIDE / took)
    return max(1, min(grown, int(size * room / took)))
