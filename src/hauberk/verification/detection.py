"""Detection at test time: an input around which the prediction may change is flagged."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, labels_of


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


def predicted(graph: Graph, S: PerturbationSet) -> Int[Tensor, "b"]:
    """Return the eval-mode labels at the centres of the sets, -1 where the logits are not finite."""
    with torch.no_grad():
        return labels_of(graph.frozen()(S.decode(S.start)))


def certified(graph: Graph, S: PerturbationSet, label: Int[Tensor, "b"], verifier: Verifier) -> Certificate:
    """Return what is proven of "`label` beats every other class on the set"; nothing is where the label is -1."""
    spec = LinearSpec.margins(label.clamp(min=0), graph.classes, S.start.dtype)
    certificate = verifier(NetworkSubject(graph.module, graph), S, spec)
    return replace(certificate, verdict=torch.where(label >= 0, certificate.verdict, Verdict.UNKNOWN.value))


def flags(graph: Graph, threat: ThreatModel, verifier: Verifier, data: Split, batch: int = 500) -> Bool[Tensor, "n"]:
    """Return which examples of a split are flagged, `batch` at a time; on clean data their share is the flag rate.

    Raises:
        InputError: an input is outside the threat's range.
        UnsupportedOpError, UnsupportedSetError: as the verifier does.
    """
    device = next(graph.module.parameters(), data.labels).device
    batches = (data.batch(piece)[0].to(device) for piece in torch.arange(len(data)).split(batch))
    return torch.cat([detect(graph, threat.at(x), verifier).flagged.cpu() for x in batches])
