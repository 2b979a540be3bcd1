"""The answers of attacks, believed only as far as they can be checked."""

from dataclasses import dataclass
from math import inf
from typing import cast

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import HauberkError


@dataclass(frozen=True)
class Answers:
    """What an attack answered, and what of it holds."""

    z: Float[Tensor, "b *z"]
    member: Bool[Tensor, "b"]
    broken: Bool[Tensor, "b"]
    """Members that the subject gets wrong."""
    distance: Float32[Tensor, "b"]
    """Of misclassified points, in the set's own norm, rounded up; infinite where there is none, or no norm."""


def answered(
    name: str,
    attack: Attack | MinimumDistanceAttack,
    subject: NetworkSubject,
    S: PerturbationSet,
    y: Int[Tensor, "b"],
    index: Int[Tensor, "b"],
    noise: Noise,
    enough: bool,
) -> Answers:
    """Attack the examples with these indices and check every answer again.

    Args:
        name: how the attack is called in messages.
        attack: one of minimum distance may answer with points outside the sets: those are no successes.
        subject: what is attacked.
        S: the sets.
        y: the labels.
        index: how examples are called in messages.
        noise: of this attack.
        enough: whether an attack of minimum distance may stop at any misclassified member.

    Raises:
        HauberkError: an answer is no point, or no member where it has to be; the message names attack and example.
    """
    if isinstance(attack, MinimumDistanceAttack):
        z = attack(subject.module, S, y, noise=noise, enough=enough)
    else:
        z = attack(subject.module, S, y, noise=noise)
    if z.shape != S.start.shape:
        raise HauberkError(
            f"attack {name} answered with shape {tuple(z.shape)}, not {tuple(S.start.shape)}: a bug in the attack."
        )
    answers = checked(subject, S, y, z.detach())
    if isinstance(attack, Attack) and not answers.member.all():
        first = int(index[~answers.member][0])
        raise HauberkError(f"attack {name} answered example {first} with a point outside the perturbation set: a bug.")
    return answers


def checked(subject: NetworkSubject, S: PerturbationSet, y: Int[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Answers:
    """Return what holds of points that are said to break examples with these labels."""
    finite = z.isfinite().flatten(1).all(1)
    member = S.contains(z) & finite
    with torch.no_grad():
        wrong = (subject.predict(S.decode(z)) != y) & finite
    return Answers(z, member, member & wrong, distances(S, z, wrong))


def distances(S: PerturbationSet, z: Float[Tensor, "b *z"], wrong: Bool[Tensor, "b"]) -> Float32[Tensor, "b"]:
    """Return the distances of the misclassified points within the range of valid inputs, infinite for the others.

    They are rounded up, so that a ball of the distance written holds the point.
    """
    if not isinstance(S, NormBall):
        return torch.full_like(S.radius, inf, dtype=torch.float32)
    low, high = S.within or (-inf, inf)
    valid = wrong & ((z >= low) & (z <= high)).flatten(1).all(1)
    exact = cast(NormBall, S.to(torch.float64)).distance(z.double())
    rounded = exact.float()
    rounded = torch.where(rounded < exact, rounded.nextafter(torch.full_like(rounded, inf)), rounded)
    return torch.where(valid, rounded, inf)


@dataclass
class Outcome:
    """What is known of one attack on the examples of a shard."""

    tried: Bool[Tensor, "b"]
    broken: Bool[Tensor, "b"]
    distance: Float32[Tensor, "b"]

    @classmethod
    def blank(cls, y: Int[Tensor, "b"]) -> "Outcome":
        """Return the outcome of an attack that was not tried yet."""
        untried = torch.zeros_like(y, dtype=torch.bool)
        return cls(untried, untried.clone(), torch.full_like(y, inf, dtype=torch.float32))

    def note(self, positions: Int[Tensor, "s"], broken: Bool[Tensor, "s"], distance: Float32[Tensor, "s"]) -> None:
        """Take down what the attack did to the examples at these positions."""
        self.tried[positions] = True
        self.broken[positions] = broken
        self.distance[positions] = torch.minimum(self.distance[positions], distance)

    def columns(self) -> tuple[list[bool | None], list[float | None]]:
        """Return what records say: broken or not, null where not tried, and distances, null where there is none."""
        broken = [hit if tried else None for hit, tried in zip(self.broken.tolist(), self.tried.tolist(), strict=True)]
        return broken, finite_or_null(self.distance)


def finite_or_null(numbers: Float32[Tensor, "b"]) -> list[float | None]:
    """Return numbers as a column: null for what is infinite."""
    return [number if abs(number) < inf else None for number in numbers.tolist()]
