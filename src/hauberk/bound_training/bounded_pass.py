"""The starting point of training by bounds: a clean pass, and the network as that pass fixed it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError


@dataclass(frozen=True)
class BoundedPass:
    """The logits of clean examples, and everything needed to bound the network over their sets.

    Batch norms use the statistics of the clean examples, in bounds and in all other uses of the graph.

    Args:
        x: the clean inputs.
        y: their labels.
        threat: the threat, with the radius of the current step.
        S: the perturbation sets around the inputs.
        graph: the network as the clean pass fixed it.
        logits: the clean logits.
        spec: the margins of the labels over all other classes.
    """

    x: Float[Tensor, "b *x"]
    y: Int[Tensor, "b"]
    threat: ThreatModel
    S: CertifiableSet
    graph: FrozenGraph
    logits: Float[Tensor, "b classes"]
    spec: LinearSpec

    @classmethod
    def of(
        cls, network: nn.Module | Graph, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"], threat: ThreatModel
    ) -> "BoundedPass":
        """Run the pass and return its result.

        Raises:
            UnsupportedOpError: the network was not captured, or has dropout in training mode.
            UnsupportedSetError: the threat's sets have no support function.
        """
        S = threat.at(x).cover()
        if not isinstance(network, Graph):
            raise UnsupportedOpError("bounds need a captured network: pass capture(network, example).")
        logits, graph = network.run(x)
        spec = LinearSpec.margins(y, network.classes, logits.dtype)
        return cls(x, y, threat, S, graph.folded(), logits, spec)

    @property
    def correct(self) -> Bool[Tensor, "b"]:
        """A mask of the clean examples that are classified correctly."""
        return self.logits.argmax(1) == self.y


def worst_logits(lower: Float[Tensor, "b k"]) -> Float[Tensor, "b classes"]:
    """Return 0 for the label, placed first, and minus the label's margin over it for every other class.

    If a loss depends on, and grows with, the differences to the label's logit, its value here bounds it on the set.
    """
    return torch.cat([torch.zeros_like(lower[:, :1]), -lower], 1)
