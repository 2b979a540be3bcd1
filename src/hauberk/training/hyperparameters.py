"""The hyperparameters of a training run: everything but network, data and threat."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from hauberk.concepts.attack import Attack
from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.initialisation import Initialisation
from hauberk.concepts.objective import Objective
from hauberk.concepts.parameter_groups import ParameterGroups
from hauberk.concepts.schedule import Schedule
from hauberk.errors import InputError
from hauberk.schedules import Constant
from hauberk.training.averaging import WeightAveraging
from hauberk.training.collapse import CollapseDetector
from hauberk.training.plan import Phase
from hauberk.training.steadiness import require_steady

OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | ParameterGroups


@dataclass(frozen=True)
class Hyperparameters:
    """The settings that a training run is a pure function of, together with network, data and threat.

    Started by `accelerate launch` or `torchrun`, several processes share each batch; how many they are changes results
    by rounding alone, but for mixup, and batch norm without `shared_statistics`, which see what a process sees.

    Args:
        objective: what each step minimises.
        epochs: passes over the labelled training examples.
        batch: examples a step, over all processes; the last step of an epoch takes what is left. Half of them are
            pseudo-labelled where the data have such examples.
        optimizer: makes the optimizer from the parameters (`torch.optim.Adam`); the learning rate is the schedule's.
        learning_rate: the schedule of the learning rate.
        radius: the schedule of the radius, as a multiple of the threat's.
        augmentation: changes the inputs of every step.
        initialisation: overwrites the network's own initialisation, by given weights too.
        later: phases that follow the first `epochs` epochs; schedules run over all of them.
        gradient_clip: the largest l2 norm of the whole gradient.
        held_out: how many training examples are set aside for validation, chosen by the seed.
        judge: attacks the held-out examples after each epoch; by default the objective's own adversary or bound does.
        keep: the weights that the training ends with: the final ones, or those of the epoch of "best" robust accuracy
            (clean accuracy where nothing attacks) on held-out examples. The final ones are then kept beside them.
        averaging: keeps an average of the weights, and ends with it.
        detector: stops the training at catastrophic overfitting.
        shared_statistics: whether batch norm sees the whole batch, of which each of several processes has a part.
        precision: what networks compute in, by autocast. Bounds are always computed in the parameters' own precision.
        seed: of the order, the noise, the split, and torch's own random numbers.
        log_steps: steps between lines of the journal.
        checkpoint_steps: steps between checkpoints, of which the newest is kept.

    Raises:
        InputError: a number is out of range, the best weights are asked for and nothing is held out, or processes shall
            share statistics under an attack that may pass the network more often in one of them.
    """

    objective: Objective
    epochs: int
    learning_rate: Schedule
    batch: int = 256
    optimizer: OptimizerFactory = torch.optim.Adam
    radius: Schedule = field(default_factory=Constant)
    augmentation: Augmentation | None = None
    later: Sequence[Phase] = ()
    initialisation: Initialisation | None = None
    gradient_clip: float | None = None
    held_out: int = 1000
    judge: Attack | None = None
    keep: Literal["final", "best"] = "final"
    averaging: WeightAveraging | None = None
    detector: CollapseDetector | None = None
    shared_statistics: bool = False
    precision: Literal["no", "bf16", "fp16"] = "no"
    seed: int = 0
    log_steps: int = 50
    checkpoint_steps: int = 250

    def __post_init__(self) -> None:
        for name in ("log_steps", "checkpoint_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, but is {getattr(self, name)}.")
        _ = self.phases  # which refuse bad numbers
        if self.shared_statistics:
            require_steady(self.objective, self.detector)
        if self.keep == "best" and not self.held_out:
            raise InputError('keep="best" chooses by held-out examples, but held_out is 0.')

    @property
    def phases(self) -> list[Phase]:
        """All phases, the first one of the trainer's own arguments."""
        return [Phase(self.epochs, self.batch, self.augmentation), *self.later]
