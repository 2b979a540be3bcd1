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


@dataclass(frozen=True)
class ObjectiveValue:
    """What one step of training minimises, and what it saw on the way."""

    loss: Float[Tensor, ""]
    """The mean over the batch; the tensor that training differentiates."""
    correct: Bool[Tensor, "b"] | None
    """Which clean examples were classified correctly; None where the objective did not look at clean examples."""
    robust: Bool[Tensor, "b"] | None = None
    """Which examples withstood the objective's own attack or were certified by its own bound."""
    parts: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Named terms of the loss, for the log."""
    learned: Callable[[], None] | None = None
    """Called when the gradients of the loss are there, before the optimizer's step."""


class Objective(ABC):
    """What training minimises. Holds its attack, bounder and loss; knows no optimiser and no schedule of the radius."""

    needs_graph: bool = False
    """Whether the network must be given as a captured `Graph` (bounds are computed) or any module will do."""

    replays: int = 1
    """How many steps in a row see the same batch; a training is that much longer for the same number of epochs."""

    measure: str = "robust"
    """What the `robust` of its values counts, for displays: "certified", "attacked"."""

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
        """Return the mean loss over the batch against `threat`, whose radius is that of the step at hand."""
