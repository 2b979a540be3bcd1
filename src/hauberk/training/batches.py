"""The examples of every step."""

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.training.order import epoch_order, held_out
from hauberk.training.plan import Plan
from hauberk.training.trainer import Trainer


class Batches:
    """Which examples each step of a training sees, and the noise that is theirs."""

    def __init__(self, trainer: Trainer, data: Split) -> None:
        self.data, self.seed, self.replays = data, trainer.seed, trainer.objective.replays
        self.trained_on, self.held_out = held_out(len(data), trainer.held_out, trainer.seed)
        self.plan = Plan(trainer.phases, len(self.trained_on), self.replays)
        self.order_of_epoch = (-1, self.trained_on)

    def of(self, step: int) -> Int[Tensor, "b"]:
        """Return the indices of a step's examples, over all processes."""
        place = self.plan.at(step)
        if self.order_of_epoch[0] != place.epoch:
            order = epoch_order(len(self.trained_on), self.seed, place.epoch)
            self.order_of_epoch = place.epoch, self.trained_on[order].to(self.data.labels.device)
        return self.order_of_epoch[1][place.batch * place.phase.batch : (place.batch + 1) * place.phase.batch]

    def examples(
        self, step: int, index: Int[Tensor, "b"], *, augmented: bool = True
    ) -> tuple[Float[Tensor, "b *x"], Int[Tensor, "b"], Noise]:
        """Return inputs, labels and noise of some examples at a step; augmented as its phase wants it."""
        x, y = self.data.batch(index)
        noise, augmentation = Noise.of(self.seed, index), self.plan.at(step).phase.augmentation
        if augmented and augmentation is not None:
            x = augmentation(x, noise.fold(step // self.replays).fold(0))  # replays see the same
        return x, y, noise.fold(step).fold(1)
