"""A subject's own prediction, and proofs about it."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import AttackableSubject, NetworkSubject, labels_of
from hauberk.kernels.modes import eval_mode

Answering = Graph | AttackableSubject
"""A captured network, or another subject; both answer in eval mode."""


def predicted(subject: Answering, S: PerturbationSet) -> Int[Tensor, "b"]:
    """Return the labels at the centres of the sets, -1 where the subject abstains or logits are not finite."""
    with torch.no_grad():
        return answers(subject, S.decode(S.start))


def answers(subject: Answering, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
    """Return the labels of inputs, -1 where the subject abstains or logits are not finite."""
    with torch.no_grad(), eval_mode(subject.module):
        return labels_of(subject.frozen()(x)) if isinstance(subject, Graph) else subject.predict(x)


def certified(subject: Answering, S: PerturbationSet, label: Int[Tensor, "b"], verifier: Verifier) -> Certificate:
    """Return the certificate that `label` beats every other class on the set; UNKNOWN where the label is -1."""
    spec = LinearSpec.margins(label.clamp(min=0), classes_of(subject, S), S.start.dtype)
    asked = NetworkSubject(subject.module, subject) if isinstance(subject, Graph) else subject
    certificate = verifier(asked, S, spec)
    return replace(certificate, verdict=torch.where(label >= 0, certificate.verdict, Verdict.UNKNOWN.value))


def classes_of(subject: Answering, S: PerturbationSet) -> int:
    """Return the number of classes."""
    if isinstance(subject, Graph):
        return subject.classes
    with torch.no_grad(), eval_mode(subject.module):
        return subject.module(S.decode(S.start)[:1]).shape[1]


def flags(
    subject: Answering, threat: ThreatModel, verifier: Verifier, data: Split, batch: int = 500
) -> Bool[Tensor, "n"]:
    """Return a mask of the examples whose prediction is not proven constant; on clean data, its mean is the flag rate.

    Examples are verified `batch` at a time.

    Raises:
        InputError: an input is outside the threat's range.
        UnsupportedOpError, UnsupportedSetError: as in the verifier.
    """
    device, found = next(subject.module.parameters(), data.labels).device, []
    for piece in torch.arange(len(data)).split(batch):
        S = threat.select(piece, data.inputs.shape).at(data.batch(piece)[0].to(device))
        found.append(~certified(subject, S, predicted(subject, S), verifier).verified.cpu())
    return torch.cat(found)
