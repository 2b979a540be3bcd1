"""The plan of a training run: its phases, epochs and steps."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated

from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.schedule import Progress
from hauberk.ranges import Checked, Range

UpToMillion = Annotated[int, Range("an integer from 1 to a million", lambda n: 0 < n <= 10**6)]


@dataclass(frozen=True)
class Phase(Checked):
    """A part of a training run with its own batch size and augmentation, as progressive resizing needs them.

    Args:
        epochs: passes over the labelled training examples.
        batch: examples per step, over all processes; the last step of an epoch takes what is left.
        augmentation: changes the inputs of every step.

    Raises:
        InputError: epochs or batch is not positive, or more than a million.
    """

    epochs: UpToMillion
    batch: UpToMillion
    augmentation: Augmentation | None = None


@dataclass(frozen=True)
class Place:
    """The place of a step in its training run.

    Args:
        phase: its phase.
        epoch: its epoch, from 0, over all phases.
        batch: the number of its batch in the epoch, from 0; replays share it.
        progress: its progress, for schedules.
        ends_epoch: True for the last step of an epoch.
    """

    phase: Phase
    epoch: int
    batch: int
    progress: Progress
    ends_epoch: bool


class Plan:
    """The steps of all phases, one after the other.

    Args:
        phases: the phases.
        examples: number of examples per epoch.
        replays: number of steps in a row that see the same batch.
    """

    def __init__(self, phases: Sequence[Phase], examples: int, replays: int) -> None:
        self.phases, self.replays = phases, replays
        self.batches = [math.ceil(examples / phase.batch) for phase in phases]
        lengths = [phase.epochs * count * replays for phase, count in zip(phases, self.batches, strict=True)]
        self.first_steps = [0, *accumulate(lengths)]
        self.first_epochs = [0, *accumulate(phase.epochs for phase in phases)]
        self.steps = self.first_steps[-1]

    def at(self, step: int) -> Place:
        """Return the place of a step.

        Its progress is that in a run whose epochs all have as many steps as the current one, so that schedules count
        in epochs.
        """
        number = bisect_right(self.first_steps, step) - 1
        count = self.batches[number] * self.replays
        within, position = divmod(step - self.first_steps[number], count)
        epoch = self.first_epochs[number] + within
        progress = Progress(epoch * count + position, self.first_epochs[-1] * count, count)
        return Place(self.phases[number], epoch, position // self.replays, progress, position + 1 == count)
