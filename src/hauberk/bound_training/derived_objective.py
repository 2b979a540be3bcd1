"""Training objectives derived from other ones."""

from torch import nn

from hauberk.concepts.graph import Graph
from hauberk.concepts.objective import Objective


class DerivedObjective(Objective):
    """An objective that modifies another one, and has the same requirements."""

    objective: Objective

    @property
    def needs_graph(self) -> bool:
        return self.objective.needs_graph

    @property
    def replays(self) -> int:
        return self.objective.replays

    @property
    def measure(self) -> str:
        return self.objective.measure

    @property
    def labelled(self) -> bool:
        return self.objective.labelled

    def covers(self, network: nn.Module | Graph) -> bool:
        return self.objective.covers(network)
