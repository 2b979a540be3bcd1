"""What training by bounds starts from: a clean pass, and the network as that pass fixed it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import FrozenGraph, Graph
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError, UnsupportedSetError


@dataclass(frozen=True)
class BoundedPass:
    """The logits of clean examples, and all that bounds over their sets need.

    Batch norms have the statistics of the clean examples, in bounds and in whatever else the graph is asked for.
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
        """Run the pass.

        Raises:
            UnsupportedOpError: the network was not captured, or has dropout in training mode.
            UnsupportedSetError: the threat's sets have no support function.
        """
        S = threat.at(x)
        if not isinstance(network, Graph):
            raise UnsupportedOpError("bounds need a captured network: pass capture(network, example).")
        if not isinstance(S, CertifiableSet):
            raise UnsupportedSetError(f"{type(S).__name__} has no support function: train against it adversarially.")
        logits, graph = network.run(x)
        spec = LinearSpec.margins(y, network.classes, logits.dtype)
        return cls(x, y, threat, S, graph.folded(), logits, spec)

    @property
    def correct(self) -> Bool[Tensor, "b"]:
        """Which clean examples are classified correctly."""
        return self.logits.argmax(1) == self.y


def worst_logits(lower: Float[Tensor, "b k"]) -> Float[Tensor, "b classes"]:
    """Return 0 for the label, which comes first, and minus its margin over every other class.

    For a loss that depends on differences of logits and grows with them, these bound the loss anywhere in the set.
    """
    return torch.cat([torch.zeros_like(lower[:, :1]), -lower], 1)
