"""Answers of attacks, trusted only as far as they can be checked."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.subject import AttackableSubject
from hauberk.errors import HauberkError
from hauberk.evaluation.rounding import finite_or_null, rounded_up


@dataclass(frozen=True)
class Answers:
    """An attack's answers, rechecked.

    Args:
        z: the points.
        member: True for finite points inside the set.
        broken: True for members that refute the label.
        distance: of misclassified points, in the set's norm, rounded up; infinite for others, or without a norm.
    """

    z: Float[Tensor, "b *z"]
    member: Bool[Tensor, "b"]
    broken: Bool[Tensor, "b"]
    distance: Float32[Tensor, "b"]


def answered(
    name: str,
    attack: Attack | MinimumDistanceAttack,
    subject: AttackableSubject,
    S: PerturbationSet,
    y: Int[Tensor, "b"],
    index: Int[Tensor, "b"],
    noise: Noise,
    enough: bool,
) -> Answers:
    """Attack these examples and recheck every answer.

    Args:
        name: the attack's name, for messages.
        attack: a minimum-distance attack may answer with points outside the sets; those are not successes.
        subject: what is attacked.
        S: the sets.
        y: the labels.
        index: the examples' indices, for messages.
        noise: the attack's own noise.
        enough: True if a minimum-distance attack may stop at any misclassified member.

    Raises:
        HauberkError: the answer's shape is not that of the points, or a point that must be a member is not; the message
            names the attack.
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


def checked(subject: AttackableSubject, S: PerturbationSet, y: Int[Tensor, "b"], z: Float[Tensor, "b *z"]) -> Answers:
    """Recheck points that are claimed to break the examples with these labels."""
    finite = z.isfinite().flatten(1).all(1)
    member = S.contains(z) & finite
    with torch.no_grad():
        wrong = subject.refuted(S.decode(z), y) & finite
    return Answers(z, member, member & wrong, distances(S, z, wrong))


def distances(S: PerturbationSet, z: Float[Tensor, "b *z"], wrong: Bool[Tensor, "b"]) -> Float32[Tensor, "b"]:
    """Return the distances of the misclassified points within the range of valid inputs, infinite for all others.

    They are rounded up, so that a ball with the recorded distance as its radius contains the point.
    """
    out = torch.full_like(S.radius, inf, dtype=torch.float32)
    if isinstance(S, MetricBall) and wrong.any():
        out[wrong] = rounded_up(S.select(wrong).measured(z[wrong]))
    return out


def norm_of(S: PerturbationSet) -> str:
    """Return the name of the norm in which distances and radii are measured; empty if it has none of its own."""
    return f"l_{S.p:g}" if isinstance(S, NormBall) and bool((S.weight == 1).all()) else ""


@dataclass
class Outcome:
    """The results so far of one attack on the examples of a shard.

    Args:
        tried: True where the attack was run.
        broken: True where it broke the example.
        distance: the least of any misclassified point found; infinite where there is none.
    """

    tried: Bool[Tensor, "b"]
    broken: Bool[Tensor, "b"]
    distance: Float32[Tensor, "b"]

    @classmethod
    def blank(cls, y: Int[Tensor, "b"]) -> "Outcome":
        """Return the outcome of an attack that has not been tried yet."""
        untried = torch.zeros_like(y, dtype=torch.bool)
        return cls(untried, untried.clone(), torch.full_like(y, inf, dtype=torch.float32))

    def note(self, positions: Int[Tensor, "s"], broken: Bool[Tensor, "s"], distance: Float32[Tensor, "s"]) -> None:
        """Record what the attack did to the examples at these positions."""
        self.tried[positions] = True
        self.broken[positions] = broken
        self.distance[positions] = torch.minimum(self.distance[positions], distance)

    def columns(self) -> tuple[list[bool | None], list[float | None]]:
        """Return columns for the records: broken or not, null where not tried; distances, null where there is none."""
        broken = [hit if tried else None for hit, tried in zip(self.broken.tolist(), self.tried.tolist(), strict=True)]
        return broken, finite_or_null(self.distance)
