"""Detection at test time: flags for inputs around which the prediction may change."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.propagation.prediction import Answering, certified, predicted


@dataclass(frozen=True)
class Detection:
    """A subject's predictions, each with a proof, if one was found, that it is constant on the set around its input.

    Args:
        label: the predictions, -1 where it abstains.
        certificate: the result of trying to prove that the predicted class beats every other.
    """

    label: Int[Tensor, "b"]
    certificate: Certificate

    @property
    def flagged(self) -> Bool[Tensor, "b"]:
        """A mask of the inputs that may have been perturbed: those without a proof."""
        return ~self.certificate.verified

    def of(self, label: Int[Tensor, "b"]) -> "Detection":
        """Return the same for inputs with these labels, where sets rest on other images: proofs are of those labels."""
        verdict = torch.where(label == self.label, self.certificate.verdict, Verdict.UNKNOWN.value)
        return Detection(label, replace(self.certificate, verdict=verdict))


def detect(subject: Answering, S: PerturbationSet, verifier: Verifier) -> Detection:
    """Predict at the centre of every set, and flag the inputs for which `verifier` cannot prove a constant prediction.

    No false negatives: if x lies in the set around x* and x* in the set around x (as with balls of one radius), and the
    network labels them differently, then x is flagged, since the set around x contains another label. False positives
    are possible; `flags` on clean data counts them. Networks run in eval mode, whatever their own mode.

    Source: Wong & Kolter 2018, corollary 2.
    """
    label = predicted(subject, S)
    return Detection(label, certified(subject, S, label, verifier))
