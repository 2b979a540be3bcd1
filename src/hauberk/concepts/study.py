"""Studies: questions about a trained network that a table answers and a figure shows."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import polars as pl

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import NetworkSubject


@dataclass(frozen=True)
class Findings:
    """The answer of a study."""

    table: pl.DataFrame
    facts: dict[str, str]
    """What the table does not say but a caption has to: the verifier, how many examples."""


class Study(ABC):
    """A question about a network in eval mode, beside the accuracies that every evaluation asks for.

    Reports draw its table by the name of its class.
    """

    @abstractmethod
    def __call__(self, subject: NetworkSubject, data: Split, threat: ThreatModel) -> Findings:
        """Return the answer; the data lie on the network's device.

        Raises:
            ShapeError: the question makes no sense for inputs or logits of this shape.
            UnsupportedOpError: the network holds operators that the study's proofs cannot handle.
            UnsupportedSetError: the threat's sets lack what the study's proofs need.
        """
