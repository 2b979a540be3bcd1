"""The examples of each step."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.training.hyperparameters import Hyperparameters
from hauberk.training.order import epoch_order, half_and_half, held_out, pool_order
from hauberk.training.plan import Plan


class Batches:
    """The training examples that each step sees, and their noise.

    Pseudo-labelled examples are indexed after all labelled ones; if there are any, they make up half of every batch,
    and an epoch, which is a pass over the labelled ones, is twice as long.

    Args:
        trainer: gives the phases, the seed, and the number of held-out examples.
        data: the training split.

    Raises:
        InputError: a batch of odd size would have to be halved.
    """

    def __init__(self, trainer: Hyperparameters, data: Split) -> None:
        self.seed, self.replays = trainer.seed, trainer.objective.replays
        self.trained_on, self.held_out = held_out(len(data), trainer.held_out, trainer.seed)
        self.data = data if data.pseudo_labelled is None else data.joined(data.pseudo_labelled)
        self.labelled, self.pool = len(data), len(self.data) - len(data)
        odd = [phase.batch for phase in trainer.phases if phase.batch % 2]
        if self.pool and odd:
            raise InputError(f"half of every batch is pseudo-labelled, so batch must be even, but is {odd[0]}.")
        self.plan = Plan(trainer.phases, (2 if self.pool else 1) * len(self.trained_on), self.replays)
        self.order_of_epoch = (-1, self.trained_on)

    @property
    def shape(self) -> torch.Size:
        """The shape of all inputs, pseudo-labelled ones last; a threat's rows are in this order."""
        return self.data.inputs.shape

    def of(self, step: int) -> Int[Tensor, "b"]:
        """Return the indices of a step's examples, over all processes."""
        place = self.plan.at(step)
        batch = place.phase.batch
        if self.order_of_epoch[0] != place.epoch:
            self.order_of_epoch = place.epoch, self.order(place.epoch, batch).to(self.data.labels.device)
        return self.order_of_epoch[1][place.batch * batch : (place.batch + 1) * batch]

    def order(self, epoch: int, batch: int) -> Int[Tensor, "n"]:
        """Return the indices of an epoch's examples, in order."""
        count = len(self.trained_on)
        labelled = self.trained_on[epoch_order(count, self.seed, epoch)]
        if not self.pool:
            return labelled
        return half_and_half(labelled, self.labelled + pool_order(self.pool, count, self.seed, epoch), batch)

    def examples(
        self, step: int, index: Int[Tensor, "b"], *, augmented: bool = True
    ) -> tuple[Float[Tensor, "b *x"], Int[Tensor, "b"], Noise]:
        """Return inputs, labels and noise of some examples at a step, by default with its phase's augmentation."""
        x, y = self.data.batch(index)
        noise, augmentation = Noise.of(self.seed, index), self.plan.at(step).phase.augmentation
        if augmented and augmentation is not None:
            x = augmentation(x, noise.fold(step // self.replays).fold(0))  # replays see the same
        return x, y, noise.fold(step).fold(1)
