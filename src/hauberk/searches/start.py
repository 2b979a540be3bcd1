"""Where a search begins."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.memory import Memory
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import require_ball
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.errors import InputError


class Origin(ABC):
    """The first point of an attack; anywhere, for an attack that projects before it answers."""

    @abstractmethod
    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a point for each example."""

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:  # noqa: B027
        """Hear where the search ended; most starts do not care."""


class Start(Origin):
    """A first point that is a member of the set."""


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
class RandomSigns(Start):
    """The input, each coordinate moved up or down by a share of the radius, as far as the set holds it.

    Args:
        share: of the radius; in an l_inf ball 1 begins at a random corner.

    Raises:
        InputError: share is not positive.

    Source: Tramer et al. 2018 (R+FGSM).
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not self.share > 0:
            raise InputError(f"RandomSigns needs share > 0, but it is {self.share}.")

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        up = noise.uniform(tuple(S.start.shape[1:]), S.start.dtype) < 0.5
        length = per_example(self.share * S.radius, S.start)
        return S.project(torch.where(up, S.start + length, S.start - length))


@dataclass(frozen=True)
class Previous(Start):
    """Where the search in the last batch ended, moved to this batch's inputs; a random member at first.

    For training, where a batch's place is all that its examples share with the next. Source: Wong, Rice & Kolter 2020.
    """

    last: Memory = field(default_factory=Memory, init=False, repr=False, compare=False)

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        offset = self.last.recall(S.start)
        return S.sample(noise) if offset is None else S.project(S.start + offset)

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        if torch.is_grad_enabled():  # validation, where it is not, leaves no trace in training
            self.last.keep(z - S.start)


@dataclass(frozen=True)
class Jittered(Start):
    """The input and normal noise, as far as the set holds it: where the loss has a minimum, it has no gradient.

    Args:
        deviation: the noise's standard deviation, in units of the input.

    Source: Zhang et al. 2019 (TRADES).
    """

    deviation: float = 0.001

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return S.project(S.start + self.deviation * noise.normal(tuple(S.start.shape[1:]), S.start.dtype))


@dataclass(frozen=True)
class Uncut(Origin):
    """A start in the ball without the range of valid inputs: black pixels, too, begin below as well as above.

    A whole step from within the range ends at the borders of set and range wherever an input is black or white, so that
    nothing random is left of it; from here it does not.

    Args:
        start: of the uncut ball.

    Raises:
        UnsupportedSetError: on use, the set is no ball, or one that the range is a part of, as in l_0.

    Source: Wong, Rice & Kolter 2020, whose MNIST code, from memory, begins here; Tramer et al. 2018 (`RandomSigns`).
    """

    start: Start = field(default_factory=RandomMember)

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return self.start(require_ball(S, "a start outside the range of valid inputs").uncut(), noise)

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        self.start.remember(S, z)
