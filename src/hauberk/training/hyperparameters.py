"""The hyperparameters of a training run: everything except network, data and threat."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from hauberk.concepts.attack import Attack
from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.initialisation import Initialisation
from hauberk.concepts.noise import require_seed
from hauberk.concepts.objective import Objective
from hauberk.concepts.schedule import Schedule
from hauberk.errors import InputError
from hauberk.ranges import Checked, Count, Natural, Positive
from hauberk.schedules import Constant
from hauberk.training.averaging import WeightAveraging
from hauberk.training.collapse import CollapseDetector
from hauberk.training.optimizers import OptimizerFactory, optimizer_of
from hauberk.training.plan import Phase
from hauberk.training.steadiness import require_steady


@dataclass(frozen=True)
class Hyperparameters(Checked):
    """The settings that, together with network, data and threat, fully determine a training run.

    Several processes, started by `accelerate launch` or `torchrun`, share each batch. Their number changes results only
    by rounding, except with mixup, or with batch norm without `shared_statistics`: these see one process's part alone.

    Args:
        objective: minimised by each step.
        epochs: passes over the labelled training examples.
        learning_rate: the schedule of the learning rate.
        batch: examples per step, over all processes; the last step of an epoch takes what is left. Half of them are
            pseudo-labelled if the data have such examples.
        optimizer: makes the optimizer from the parameters, as `torch.optim.Adam` does; its learning rate is set by the
            schedule.
        radius: the schedule of the radius, as a multiple of the threat's; constantly 1 by default.
        augmentation: changes the inputs of every step.
        later: phases that follow the first `epochs` epochs; schedules run over all of them.
        initialisation: replaces the network's own initialisation, possibly by given weights.
        gradient_clip: the largest l2 norm of the whole gradient; None for no clipping.
        held_out: number of training examples set aside for validation, chosen by the seed.
        judge: attacks the held-out examples after each epoch; by default the objective's own adversary or bound does.
        test_judge: attacks the test examples after each epoch, for the record alone; None: nobody looks at them.
        keep: the weights that training ends with: the "final" ones, or those of the epoch of "best" robust accuracy
            (clean accuracy if nothing attacks) on held-out examples. The final ones are then saved alongside.
        averaging: keeps an average of the weights, and ends with it.
        detector: stops training at catastrophic overfitting.
        shared_statistics: True if batch norm should see the whole batch, not just one process's part.
        precision: the precision of networks: "bf16" or "fp16" by autocast; "tf32" for float32 with faster products of
            rounded operands, on GPUs that have them; "no" for what torch has been told. Bounds are always computed in
            the parameters' own precision.
        seed: seeds the order, the noise, the split, and torch's own random numbers.
        log_steps: steps between lines of the journal.
        checkpoint_steps: steps between checkpoints; only the newest is kept.

    Raises:
        InputError: a number is out of range, or a setting of the optimizer; the best weights are requested with nothing
            held out; or processes are meant to share statistics under an attack that may call the network more often in
            one of them.
    """

    objective: Objective
    epochs: Count
    learning_rate: Schedule
    batch: Count = 256
    optimizer: OptimizerFactory = torch.optim.Adam
    radius: Schedule = field(default_factory=Constant)
    augmentation: Augmentation | None = None
    later: Sequence[Phase] = ()
    initialisation: Initialisation | None = None
    gradient_clip: Positive | None = None
    held_out: Natural = 1000
    judge: Attack | None = None
    test_judge: Attack | None = None
    keep: Literal["final", "best"] = "final"
    averaging: WeightAveraging | None = None
    detector: CollapseDetector | None = None
    shared_statistics: bool = False
    precision: Literal["no", "tf32", "bf16", "fp16"] = "no"
    seed: int = 0
    log_steps: Count = 50
    checkpoint_steps: Count = 250

    def __post_init__(self) -> None:
        require_seed(self.seed, 42)  # times a million and an epoch's number, it is 64 bits long
        optimizer_of(self.optimizer, [nn.Parameter(torch.zeros(1, 1))])  # raises on bad settings
        _ = self.phases  # raises on bad numbers
        if self.shared_statistics:
            require_steady(self.objective, self.detector)
        if self.keep == "best" and not self.held_out:
            raise InputError('keep="best" chooses by held-out examples, but held_out is 0.')

    @property
    def phases(self) -> list[Phase]:
        """All phases, the first made of the trainer's own arguments."""
        return [Phase(self.epochs, self.batch, self.augmentation), *self.later]
