"""The starting point of training by bounds: the network as a clean pass fixed it, and that pass where it is needed."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError


@dataclass(frozen=True)
class BoundedPass:
    """Clean examples, and everything needed to bound the network over their sets.

    Batch norms use the statistics of the clean examples, in bounds and in all other uses of the graph. Networks without
    batch norm pass the clean examples only where their logits are asked for.

    Args:
        x: the clean inputs.
        y: their labels.
        threat: the threat, with the radius of the current step.
        S: the perturbation sets around the inputs.
        graph: the network as the clean pass fixed it.
        spec: the margins of the labels over all other classes.
        passed: the clean logits, if a pass had to fix the network.
    """

    x: Float[Tensor, "b *x"]
    y: Int[Tensor, "b"]
    threat: ThreatModel
    S: CertifiableSet
    graph: FrozenGraph
    spec: LinearSpec
    passed: Float[Tensor, "b classes"] | None

    @classmethod
    def of(
        cls, network: nn.Module | Graph, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"], threat: ThreatModel
    ) -> "BoundedPass":
        """Return the network as a pass of the clean examples fixes it, over their sets.

        Raises:
            UnsupportedOpError: the network was not captured, or has dropout in training mode.
            UnsupportedSetError: the threat's sets have no support function.
        """
        S = threat.at(x).cover()
        if not isinstance(network, Graph):
            raise UnsupportedOpError("bounds need a captured network: pass capture(network, example).")
        logits, graph = network.fixed(x)
        spec = LinearSpec.margins(y, network.classes, x.dtype)
        return cls(x, y, threat, S, graph.folded(), spec, logits)

    @cached_property
    def logits(self) -> Float[Tensor, "b classes"]:
        """The clean logits."""
        return self.graph(self.x) if self.passed is None else self.passed

    @property
    def correct(self) -> Bool[Tensor, "b"] | None:
        """A mask of the clean examples that are classified correctly; None if nothing has needed their logits."""
        known = self.passed is not None or "logits" in vars(self)
        return self.logits.argmax(1) == self.y if known else None


def worst_logits(lower: Float[Tensor, "b k"]) -> Float[Tensor, "b classes"]:
    """Return 0 for the label, placed first, and minus the label's margin over it for every other class.

    If a loss depends on, and grows with, the differences to the label's logit, its value here bounds it on the set.
    """
    return torch.cat([torch.zeros_like(lower[:, :1]), -lower], 1)
