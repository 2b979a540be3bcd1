"""Studies: questions about a trained network, answered by a table and a figure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import polars as pl

from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import AttackableSubject
from hauberk.ranges import Checked


@dataclass(frozen=True)
class Findings:
    """The answer of a study.

    Args:
        table: the results, from which the figure is drawn.
        facts: further facts for the caption: the verifier, the number of examples.
    """

    table: pl.DataFrame
    facts: dict[str, str]


class Study(Checked, ABC):
    """A question about a network in eval mode, besides the accuracies that every evaluation computes.

    Reports draw its table according to the name of its class.
    """

    @abstractmethod
    def __call__(self, subject: AttackableSubject, data: Split, threat: ThreatModel) -> Findings:
        """Return the answer; the data are on the network's device.

        Raises:
            ShapeError: the question makes no sense for inputs or logits of this shape.
            UnsupportedOpError: the network contains operators that the study's proofs cannot handle.
            UnsupportedSetError: the threat's sets lack what the study's proofs need.
        """
