"""Combinations of attacks, some of which may not apply."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, misclassified
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import NOT_APPLICABLE, HauberkError, PartWarning

Attempt = Callable[[PerturbationSet, Int[Tensor, "s"]], Float[Tensor, "s *z"]]
"""A function from the remaining examples' sets and indices to their answers."""


class Parts:
    """The parts of a combination: those that do not apply are left out, and a warning names them."""

    def __init__(self) -> None:
        self.refusals: dict[str, HauberkError] = {}
        self.applied = False

    @contextmanager
    def trying(self, name: str) -> Iterator[None]:
        """Run a part, which may turn out not to apply."""
        try:
            yield
            self.applied = True
        except NOT_APPLICABLE as error:
            self.refusals[name] = error

    def settle(self) -> None:
        """Warn of the parts that were left out, or raise the first one's error if no part applied."""
        if self.refusals and not self.applied:
            raise next(iter(self.refusals.values()))
        for name, error in self.refusals.items():
            warnings.warn(f"{name} is left out: {error}", PartWarning, stacklevel=3)


def in_turn(
    attempts: Mapping[str, Attempt], network: Network, S: PerturbationSet, y: Int[Tensor, "b"]
) -> Float[Tensor, "b *z"]:
    """Run the attempts in turn, each on the examples that earlier ones left unbroken, and return all answers.

    A success is never traded for a larger loss, which a correctly classified point may have. Attempts that do not apply
    are left out, with a warning that names them.

    Raises:
        UnsupportedOpError, UnsupportedSetError, ShapeError: no attempt applies; the error is the first one's.
    """
    answer, left, parts = S.start.clone(), torch.arange(len(y), device=y.device), Parts()
    for name, attempt in attempts.items():
        if not len(left):
            break
        remaining = S.select(left)
        with parts.trying(name):
            answer[left] = attempt(remaining, left)
        left = left[~misclassified(network, remaining, answer[left], y[left])]
    parts.settle()
    return answer
