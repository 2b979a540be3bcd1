"""The work that a verifier would have with an example, before it is begun."""

import torch

from hauberk.concepts.certificate import Verifier
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import NOT_APPLICABLE


def foretold_rows(verifier: Verifier, subject: Subject, S: PerturbationSet, spec: LinearSpec) -> float:
    """Return about how many rows a verifier pushes through the network for the first example; 0 if that is unknown."""
    if not isinstance(subject, NetworkSubject):
        return 0.0
    first = torch.tensor([0], device=spec.offset.device)
    try:
        with torch.no_grad():
            return verifier.rows(subject.graph.frozen(), S.select(first).cover(), spec.select(first))
    except NOT_APPLICABLE:  # it will say so itself
        return 0.0
