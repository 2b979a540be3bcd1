"""Subjects of an evaluation."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.graph import Graph
from hauberk.errors import UnsupportedOpError


class Subject(ABC):
    """A classifier that labels inputs or abstains: a network, a smoothed network, a cascade."""

    kind: str
    """The subject's name in results: "network", "smoothed network"; kinds are never mixed in one table."""

    @abstractmethod
    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        """Return the labels; -1 where the subject abstains."""


def labels_of(logits: Float[Tensor, "b classes"]) -> Int[Tensor, "b"]:
    """Return the index of the largest logit, or -1 where a logit is NaN or infinite."""
    return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)


@dataclass(frozen=True)
class NetworkSubject(Subject):
    """A plain network: always attackable, and open to graph verifiers if it could be captured.

    It abstains where its logits are not finite.

    Args:
        module: the network.
        captured: its graph, or the error that capturing it raised.
    """

    module: nn.Module
    captured: Graph | UnsupportedOpError
    kind = "network"

    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        return labels_of(self.module(x))

    @property
    def graph(self) -> Graph:
        """The captured graph.

        Raises:
            UnsupportedOpError: the network could not be captured; the message names its operators.
        """
        if isinstance(self.captured, UnsupportedOpError):
            raise self.captured
        return self.captured
