"""A network's own prediction, and proofs about it."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, labels_of


def predicted(graph: Graph, S: PerturbationSet) -> Int[Tensor, "b"]:
    """Return the eval-mode labels at the centres of the sets, -1 where the logits are not finite."""
    with torch.no_grad():
        return labels_of(graph.frozen()(S.decode(S.start)))


def certified(graph: Graph, S: PerturbationSet, label: Int[Tensor, "b"], verifier: Verifier) -> Certificate:
    """Return the certificate that `label` beats every other class on the set; UNKNOWN where the label is -1."""
    spec = LinearSpec.margins(label.clamp(min=0), graph.classes, S.start.dtype)
    certificate = verifier(NetworkSubject(graph.module, graph), S, spec)
    return replace(certificate, verdict=torch.where(label >= 0, certificate.verdict, Verdict.UNKNOWN.value))


def flags(graph: Graph, threat: ThreatModel, verifier: Verifier, data: Split, batch: int = 500) -> Bool[Tensor, "n"]:
    """Return a mask of the examples whose prediction is not proven constant; on clean data, its mean is the flag rate.

    Examples are verified `batch` at a time.

    Raises:
        InputError: an input is outside the threat's range.
        UnsupportedOpError, UnsupportedSetError: as in the verifier.
    """
    device, found = next(graph.module.parameters(), data.labels).device, []
    for piece in torch.arange(len(data)).split(batch):
        S = threat.at(data.batch(piece)[0].to(device))
        found.append(~certified(graph, S, predicted(graph, S), verifier).verified.cpu())
    return torch.cat(found)
