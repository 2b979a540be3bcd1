"""Training objectives made of other ones."""

from hauberk.concepts.objective import Objective


class DerivedObjective(Objective):
    """Changes what another objective minimises, and needs what that one needs."""

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
