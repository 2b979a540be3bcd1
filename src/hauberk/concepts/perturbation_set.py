"""Threat models, and the perturbation sets that they define around inputs."""

from abc import ABC, abstractmethod
from dataclasses import fields, replace
from functools import cached_property
from typing import Any, TypeVar, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.radius import OfExamples
from hauberk.concepts.rows import Rows
from hauberk.errors import UnsupportedSetError
from hauberk.ranges import Checked


class PerturbationSet(ABC):
    """S(x): for each example of a batch, the set of points that an adversary may choose.

    The adversary's variable z is a full point, not a difference; `decode(z)` is the network's input, which for
    additive sets is z itself.
    """

    start: Float[Tensor, "b *z"]
    """The unperturbed point."""
    radius: Float[Tensor, "b"]
    """The radius eps of each example's set."""
    retracts: bool = False
    """True if `project` returns a member on the way from `start` to z: the nearest one is not known."""
    symmetric: bool = False
    """True if of any two valid inputs each lies in the other's set or neither does, as with balls of one radius."""
    nested: bool = True
    """True if a larger radius only adds members."""

    @cached_property
    def unit(self) -> Float[Tensor, "b"]:
        """The unit of the lengths that attacks choose: the width of the range of valid inputs.

        Where no range is declared, it is the largest absolute value of the input, or 1 if that is 0.
        """
        size = self.start.flatten(1).abs().amax(1)
        return torch.where(size > 0, size, 1)

    @property
    def step_unit(self) -> Float[Tensor, "b"]:
        """The unit that attacks give the lengths of steepest steps in: the radius, unless steps have another unit."""
        return self.radius

    @property
    def stride(self) -> Float[Tensor, "b"]:
        """The largest move of a single coordinate: the radius, unless that is none of the input's units."""
        return self.radius

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "PerturbationSet":
        """Return the sets of some of the examples."""

    def to(self, dtype: torch.dtype) -> "PerturbationSet":
        """Return the set in another precision; a wider one covers what its numbers were rounded from."""
        changed = {f.name: converted(getattr(self, f.name), dtype) for f in fields(self)}  # pyright: ignore
        return replace(self, **changed)  # pyright: ignore

    def resized(self, radius: Float[Tensor, "b"]) -> "PerturbationSet":
        """Return the sets with other radii around the same points."""
        return replace(self, radius=radius)  # pyright: ignore

    def decode(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *x"]:
        """Return the network's input that z stands for."""
        return z

    def cover(self) -> "CertifiableSet":
        """Return sets that hold every input that members decode to, for proofs.

        Raises:
            UnsupportedSetError: none is known.
        """
        raise UnsupportedSetError(
            f"{type(self).__name__} has no support function, so nothing can be proven over it: attack it, or train "
            "against it adversarially."
        )

    @abstractmethod
    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the member of the set nearest to z in Euclidean distance."""

    @abstractmethod
    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return z moved by `length`, in the set's own norm, in the direction of steepest ascent for `gradient`.

        Steps that are random draw from `noise`.
        """

    @abstractmethod
    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a random member per example."""

    @abstractmethod
    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        """Return a mask of the points that are members, up to `atol` in units of the input."""


def converted(value: Any, dtype: torch.dtype) -> Any:
    """Return a set's field in another precision; fields without floating-point numbers stay as they are."""
    if isinstance(value, tuple | list):
        return type(value)(converted(part, dtype) for part in value)
    if isinstance(value, Box | PerturbationSet) or (isinstance(value, Tensor) and value.is_floating_point()):
        return value.to(dtype)
    return value


Kind = TypeVar("Kind", bound=PerturbationSet)


def ordinary_set(S: Kind) -> Kind:
    """Return a set whose tensors gradients may pass: a copy if it was made inside `torch.inference_mode`."""
    return cast(Kind, S.select(torch.arange(len(S.start), device=S.start.device))) if S.start.is_inference() else S


class CertifiableSet(PerturbationSet):
    """A perturbation set that a proof can handle: it knows its support function and a box around it."""

    convex: bool = True
    """True if each example's set is convex."""
    is_box: bool = False
    """True if the set is its bounding box, so that intervals bound its image under one affine map exactly."""
    blur: Float[Tensor, "b"] | None = None
    """The distance of members' coordinates, by rounding, from what `support_function` covers; proofs allow for it."""

    @property
    def parts(self) -> "tuple[CertifiableSet, ...]":
        """The sets whose union this is, none of them a union: the set itself, unless it is one."""
        return (self,)

    def cover(self) -> "CertifiableSet":
        return self

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "CertifiableSet":
        """Return the sets of some of the examples."""

    def resized(self, radius: Float[Tensor, "b"]) -> "CertifiableSet":
        return cast(CertifiableSet, super().resized(radius))

    def to(self, dtype: torch.dtype) -> "CertifiableSet":
        return cast(CertifiableSet, super().to(dtype))

    @abstractmethod
    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        """Return, for each of the k directions c, an upper bound of <c, z> over all z in the set."""

    def support_of_rows(self, rows: Rows) -> Float[Tensor, "r 2"]:
        """Return the centre and the half-width, in float64, of the range of <row, z> over its owner's set."""
        rows = rows.dense()
        return ends(self.select(rows.owner), rows.values)

    @abstractmethod
    def bounding_box(self) -> Box:
        """Return the smallest box that contains the set."""


def ends(sets: CertifiableSet, c: Float[Tensor, "b *z"]) -> Float[Tensor, "b 2"]:
    """Return half the sum and half the difference of the largest and smallest <c, z> over each set."""
    upper = sets.support_function(c.unsqueeze(1))[:, 0].double()
    lower = -sets.support_function(-c.unsqueeze(1))[:, 0].double()
    return torch.stack([upper + lower, upper - lower], 1) * 0.5


class ThreatModel(OfExamples, Checked, ABC):
    """The adversary's capabilities: `at(x)` is the perturbation set around each input of a batch."""

    name: str
    """The threat's name in records and tables, eps included: "linf eps 0.1"."""
    eps: float | Float[Tensor, "b"]
    """The radius; a tensor gives each example its own."""

    @abstractmethod
    def at(self, x: Float[Tensor, "b *x"]) -> PerturbationSet:
        """Return the perturbation set around each input.

        Raises:
            ShapeError: x is not a batch of floating-point inputs, or per-example radii do not fit it.
            InputError: x contains NaN or values outside the declared range.
        """

    @abstractmethod
    def scaled(self, factor: float | Float[Tensor, "b"]) -> "ThreatModel":
        """Return the threat with its radius multiplied by `factor`; the range of valid inputs stays."""
