"""An objective's view of batches, for data-parallel engines."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.kernels.full_precision import full_precision


class Judged(nn.Module):
    """An objective's view of a batch, as a module, since data-parallel engines exchange gradients of modules only.

    Args:
        network: the network in training.
        seen: the network, or its graph if the objective needs that.
        objective: the objective.
    """

    def __init__(self, network: nn.Module, seen: nn.Module | Graph, objective: Objective) -> None:
        super().__init__()
        self.network, self.objective = network, objective
        self.seen = seen

    def forward(
        self, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"], threat: ThreatModel, progress: Progress, noise: Noise
    ) -> ObjectiveValue:
        with full_precision() if self.objective.needs_graph else nullcontext():
            return self.objective(self.seen, x, y, threat, progress=progress, noise=noise)


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Restore the network's buffers after the block, since passes in training mode change them."""
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(before[name])
