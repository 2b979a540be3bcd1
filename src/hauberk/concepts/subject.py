"""Subjects of an evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hauberk.accepted import called, require_alike
from hauberk.concepts.graph import Graph
from hauberk.errors import InputError, UnsupportedOpError


class Subject(ABC):
    """A classifier that labels inputs or abstains: a network, a smoothed network, a cascade."""

    kind: str
    """The subject's name in results: "network", "smoothed network"; kinds are never mixed in one table."""
    doubt: float = 0.0
    """The probability with which `predict` may give an input another label than is its own: 0 but for votes."""

    @abstractmethod
    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        """Return the labels; -1 where the subject abstains."""


def labels_of(logits: Float[Tensor, "b classes"]) -> Int[Tensor, "b"]:
    """Return the index of the largest logit, or -1 where a logit is NaN or infinite."""
    return torch.where(doubt(logits) == 0, logits.argmax(1), -1)


def errs(logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"]) -> Bool[Tensor, "b"]:
    """Return a mask of the examples whose predicted label is not y; non-finite logits predict no label."""
    return logits.argmax(1) + doubt(logits) != y


def doubt(logits: Float[Tensor, "b classes"]) -> Float[Tensor, "b"]:
    """Return 0, or NaN where a logit is NaN or infinite; in at least single precision, which holds every class."""
    return (logits * 0).sum(1, dtype=torch.float32 if logits.dtype.itemsize < 4 else logits.dtype)


class AttackableSubject(Subject):
    """A subject that attacks can differentiate."""

    module: nn.Module
    """The network that attacks see: its largest logit is the label as far as they can tell."""
    captured: Graph | UnsupportedOpError
    """Its graph, or the error that says why there is none."""

    @property
    def graph(self) -> Graph:
        """The captured graph.

        Raises:
            UnsupportedOpError: there is none; the message says why.
        """
        if isinstance(self.captured, UnsupportedOpError):
            raise self.captured.with_traceback(None)  # else every time adds frames to it, with all that they hold
        return self.captured

    def judged(self, x: Float[Tensor, "b *x"]) -> tuple[Int[Tensor, "b"], Float[Tensor, "b classes"]]:
        """Return the labels, -1 where the subject abstains, and the logits that attacks see."""
        logits = called(self.module, x)
        return labels_of(logits), logits

    def refuted(self, x: Float[Tensor, "b *x"], y: Int[Tensor, "b"]) -> Bool[Tensor, "b"]:
        """Return a mask of the inputs that are not labelled y."""
        return self.predict(x) != y


def asking(verifier: Callable[..., Any]) -> Callable[..., Any]:
    """Return a verifier's method that refuses what it cannot speak of: other than subjects, sets elsewhere."""

    @wraps(verifier)
    def checked(self: object, subject: Any, S: Any, spec: Any) -> Any:
        if not isinstance(subject, Subject):
            raise InputError(
                f"a verifier judges a subject, NetworkSubject(module, capture(module, x)), but was given a "
                f"{type(subject).__name__}."
            )
        if not isinstance(getattr(S, "start", None), Tensor):
            raise InputError(f"a verifier proves over sets, threat.at(x), but was given a {type(S).__name__}.")
        if isinstance(subject, NetworkSubject):
            require_alike(subject.module, S.start)
            if S.start.dtype.itemsize < 4:
                raise UnsupportedOpError(
                    f"a network that runs in {S.start.dtype} rounds more than bounds allow for: prove network.float()."
                )
        return verifier(self, subject, S, spec)

    return checked


@dataclass(frozen=True)
class NetworkSubject(AttackableSubject):
    """A plain network: always attackable, and open to graph verifiers if it could be captured.

    It abstains where its logits are not finite.

    Args:
        module: the network.
        captured: its graph, or the error that capturing it raised, which names its operators.
    """

    module: nn.Module
    captured: Graph | UnsupportedOpError
    kind = "network"

    def predict(self, x: Float[Tensor, "b *x"]) -> Int[Tensor, "b"]:
        return labels_of(called(self.module, x))
