"""Where a search begins."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet


class Start(ABC):
    """The first point of an attack."""

    @abstractmethod
    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a member for each example."""

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:  # noqa: B027
        """Hear where the search ended; most starts do not care."""


@dataclass(frozen=True)
class Unperturbed(Start):
    """The input itself."""

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return S.start


@dataclass(frozen=True)
class RandomMember(Start):
    """A random member of the set."""

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return S.sample(noise)


@dataclass(frozen=True)
class Previous(Start):
    """Where the search in the last batch ended, moved to this batch's inputs; a random member at first.

    For training, where a batch's place is all that its examples share with the next. Source: Wong, Rice & Kolter 2020.
    """

    last: list[Tensor] = field(default_factory=list, init=False, repr=False)

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        if not self.last or self.last[0].shape[1:] != S.start.shape[1:] or len(self.last[0]) < len(S.start):
            return S.sample(noise)
        return S.project(S.start + self.last[0][: len(S.start)].to(S.start))

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        self.last[:] = [(z - S.start).detach()]
