"""Starting points of searches."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.memory import Memory
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Checked, NonNegative, Positive
from hauberk.searches.required import require_ball


class Origin(Checked, ABC):
    """The first point of an attack; it may lie anywhere if the attack projects its answers."""

    @abstractmethod
    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a point per example."""

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        """Take note of the points at which the search ended; most starts ignore them."""


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
    """The input after a steepest step along a random direction, projected onto the set.

    In an l_inf ball the step moves each coordinate up or down, as published.

    Args:
        share: the length of the step as a share of the radius; in an l_inf ball, 1 starts at a random corner.

    Raises:
        InputError: share is not positive.

    Source: Tramer et al. 2018 (R+FGSM).
    """

    share: Positive = 0.5

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        heading = 0.5 - noise.uniform(tuple(S.start.shape[1:]), S.start.dtype)
        return S.project(S.steepest_step(S.start, heading, self.share * S.step_unit, noise.fold(0)))


@dataclass(frozen=True)
class Previous(Start):
    """The end points of the search in the last batch, moved to this batch's inputs; random members at first.

    For training: an example inherits the offset of the one at its position in the last batch.
    Source: Wong, Rice & Kolter 2020.
    """

    last: Memory = field(default_factory=Memory, init=False, repr=False, compare=False)

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        offset = self.last.recall(S.start)
        return S.sample(noise) if offset is None else S.project(S.start + offset)

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        if torch.is_grad_enabled():  # disabled in validation, which must not affect training
            self.last.keep(z - S.start)


@dataclass(frozen=True)
class Jittered(Start):
    """The input plus normal noise, projected onto the set: at a minimum of the loss there is no gradient.

    Args:
        deviation: the standard deviation of the noise, in widths of the range of valid inputs.

    Source: Zhang et al. 2019 (TRADES).
    """

    deviation: NonNegative = 0.001

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        normal = noise.normal(tuple(S.start.shape[1:]), S.start.dtype)
        return S.project(S.start + per_example(self.deviation * S.unit, S.start) * normal)


@dataclass(frozen=True)
class Uncut(Origin):
    """A start in the ball without the range of valid inputs: even black pixels may start below as well as above.

    For black or white inputs, a full step from within the range ends at the borders of set and range, so that no
    randomness remains; from outside the range it does not.

    Args:
        start: the start within the uncut ball.

    Raises:
        UnsupportedSetError: on use, if the set is not a ball, or if the range is part of its definition, as in l_0.

    Source: Wong, Rice & Kolter 2020, whose MNIST code, from memory, begins here; Tramer et al. 2018 (`RandomSigns`).
    """

    start: Start = field(default_factory=RandomMember)

    def __call__(self, S: PerturbationSet, noise: Noise) -> Float[Tensor, "b *z"]:
        return self.start(require_ball(S, "a start outside the range of valid inputs").uncut(), noise)

    def remember(self, S: PerturbationSet, z: Float[Tensor, "b *z"]) -> None:
        self.start.remember(S, z)
