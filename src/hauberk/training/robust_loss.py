"""Objectives in training loops of your own."""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk import accepted
from hauberk.capture import capture
from hauberk.concepts.memory import ExampleMemory, Remembered
from hauberk.concepts.noise import Noise, require_seed
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError
from hauberk.ranges import Checked
from hauberk.schedules import Constant
from hauberk.training.completeness import complete
from hauberk.training.judged import Judged
from hauberk.training.parts import parts
from hauberk.training.state import require_initialised


class RobustLoss(Checked, nn.Module):
    """The loss of an objective as a module, for training loops of your own, Lightning's among them.

    It is what the `Trainer` minimises: on the same batch, its gradients are those of the trainer's own step. Each part
    of the network keeps its mode, and the objective sees it in that; `train()` and `eval()` reach the network as well.
    If the objective computes bounds, the network is captured at the first batch.

    Data-parallel engines may wrap it: gradients of bounds are exchanged like all others.

    An objective with `replays` wants that many calls on every batch. What an objective remembers of an example, as
    `AdaptiveRadius` does, is no part of any checkpoint but the trainer's.

    Args:
        network: the network to train; optimize its parameters.
        objective: the objective to minimise.
        threat: the threat to defend against, at its full radius; radii that differ by example are those of places in
            the batch.
        radius: the schedule of the radius, as a multiple of the threat's; constantly 1 by default.
        seed: seeds the noise of attacks, projections and starts, which also depends on step and example.

    Raises:
        InputError: the network has parameters without a shape, or the seed is no integer.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Certified
        >>> from hauberk.schedules import Constant
        >>> from hauberk.threats import LinfBall
        >>> from hauberk.training import RobustLoss
        >>> network = nn.Linear(2, 2, bias=False)
        >>> network.weight.data = torch.eye(2)
        >>> loss = RobustLoss(network, Certified(Interval(), CrossEntropy(), Constant(0.0)), LinfBall(0.1))
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> value = loss(x, y, Progress(step=0, steps=1, steps_per_epoch=1))
        >>> round(value.item(), 3)
        0.694
        >>> value.backward()
        >>> bool(network.weight.grad.any())
        True
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        threat: ThreatModel,
        radius: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_initialised(network)
        require_seed(seed, 42)
        self.network, self.objective, self.threat = network, objective, threat
        self.radius, self.seed = radius or Constant(), seed
        self.memories = list(parts(Remembered, objective))
        for memory in self.memories:
            memory.rows = None  # it may be left from another run
        self.judged: list[Judged] = []  # no attribute of its own, which would be a second home of the weights
        self.learned: Callable[[], None] | None = None

    def forward(
        self,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        progress: Progress,
        examples: Int[Tensor, "b"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss over a batch, as `value` does."""
        return self.value(x, y, progress, examples).loss

    def value(
        self,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        progress: Progress,
        examples: Int[Tensor, "b"] | None = None,
    ) -> ObjectiveValue:
        """Return the mean loss over a batch, and which of its examples are classified correctly and robustly.

        Which are correct is None where the objective needs no clean logits, as without a weight on their loss.

        Args:
            x: the inputs.
            y: their labels.
            progress: the step, out of how many; schedules of the radius and of the objective read it.
            examples: the index of each example in the data set, by which noise and memories know it; by default, its
                position in the batch.

        Raises:
            InputError: the objective remembers examples, and `examples` is left out; or a part of its attack does not
                apply.
            ShapeError: x is no batch of inputs, or y holds no label for each.
            UnsupportedOpError: the objective computes bounds, and the network cannot be captured.
        """
        x = accepted.inputs(x)
        y = accepted.labels(y, len(x))
        if examples is None:
            if any(isinstance(memory, ExampleMemory) for memory in self.memories):
                raise InputError(
                    f"{type(self.objective).__name__} remembers each example: pass examples=, their places in the data."
                )
            examples = torch.arange(len(x), device=x.device)
        if not self.judged:
            seen = capture(self.network, x[:2]) if self.objective.needs_graph else self.network
            self.judged.append(Judged(self.network, seen, self.objective))
        if self.learned is not None:  # from the gradients of the last batch, which are known by now
            self.learned()
        progress = replace(progress, radius_share=self.radius(progress))
        noise = Noise.of(self.seed, examples.to(x.device)).fold(progress.step).fold(1)
        with complete():
            value = self.judged[0](x, y, self.threat.scaled(progress.radius_share), progress, noise)
        self.learned = value.learned
        return value
