"""Training objectives."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.ranges import Checked


@dataclass(frozen=True)
class ObjectiveValue:
    """The loss that one training step minimises, and by-products of computing it.

    Args:
        loss: the mean over the batch, the tensor that training differentiates.
        correct: a mask of the clean examples classified correctly; None if the objective did not evaluate them.
        robust: a mask of the examples that withstood its own attack or that its own bound certified; None for neither.
        parts: named terms of the loss, for the log.
        learned: called once the gradients of the loss are computed, before the optimizer's step; None for nothing.
    """

    loss: Float[Tensor, ""]
    correct: Bool[Tensor, "b"] | None
    robust: Bool[Tensor, "b"] | None = None
    parts: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    learned: Callable[[], None] | None = None


class Objective(Checked, ABC):
    """A training objective with its attack, bounder and loss; it knows neither optimizer nor radius schedule."""

    needs_graph: bool = False
    """True if the network must be a captured `Graph` (to compute bounds); otherwise any module will do."""

    replays: int = 1
    """The number of consecutive steps on each batch, which multiplies the length of a run of given epochs."""

    measure: str = "robust"
    """The meaning of `robust` in its values, for displays: "certified", "attacked"."""

    labelled: bool = True
    """False if the loss is the same for all labels, which then count for `correct` and `robust` alone."""

    def covers(self, network: nn.Module | Graph) -> bool:
        """Return whether the objective is defined on a network; on all others it raises UnsupportedOpError."""
        return True

    @abstractmethod
    def __call__(
        self,
        network: nn.Module | Graph,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        threat: ThreatModel,
        *,
        progress: Progress,
        noise: Noise,
    ) -> ObjectiveValue:
        """Return the mean loss over the batch against `threat`, whose radius is that of the current step."""
