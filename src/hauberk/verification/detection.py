"""Detection at test time: an input around which the prediction may change is flagged."""

from dataclasses import dataclass

from jaxtyping import Bool, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.prediction import certified, predicted


@dataclass(frozen=True)
class Detection:
    """A network's predictions, and whether each is constant on the set around its input."""

    label: Int[Tensor, "b"]
    """The predictions, -1 where the logits are not finite."""
    certificate: Certificate
    """Of "the predicted class beats every other"."""

    @property
    def flagged(self) -> Bool[Tensor, "b"]:
        """Which inputs may have been perturbed: those that no proof speaks for."""
        return ~self.certificate.verified


def detect(graph: Graph, S: PerturbationSet, verifier: Verifier) -> Detection:
    """Predict at the centre of every set and flag what `verifier` cannot prove constant on the set.

    No false negatives: if x lies in the set around x* and x* in the set around x (as in every ball of one radius), and
    the network labels them differently, then x is flagged, since the set around x holds another label. False positives
    are possible; `flags` on clean data counts them. The network is run in eval mode, whatever its own.

    Source: Wong & Kolter 2018, corollary 2.
    """
    label = predicted(graph, S)
    return Detection(label, certified(graph, S, label, verifier))
